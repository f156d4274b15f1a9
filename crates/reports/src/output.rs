//! Hands runs and observations to the sink, counts them, and keeps the promises of [`crate::Event`].

use model::{Observation, ScanRun};

use crate::error::{ErrorKind, SinkError};
use crate::limits::Limits;
use crate::{Event, Format, LeftOut, Summary};

pub(crate) struct Output<'a> {
    sink: &'a mut dyn FnMut(Event) -> Result<(), SinkError>,
    max_observations: u64,
    summary: Summary,
}

impl<'a> Output<'a> {
    pub(crate) fn new(
        format: Format,
        limits: &Limits,
        sink: &'a mut dyn FnMut(Event) -> Result<(), SinkError>,
    ) -> Self {
        let summary = Summary { format, runs: 0, results: 0, observations: 0, left_out: Vec::new() };
        Self { sink, max_observations: limits.max_observations, summary }
    }

    pub(crate) fn run(&mut self, run: ScanRun) -> Result<(), ErrorKind> {
        self.summary.runs += 1;
        (self.sink)(Event::Run(Box::new(run))).map_err(ErrorKind::Sink)
    }

    pub(crate) fn observation(&mut self, observation: Observation) -> Result<(), ErrorKind> {
        debug_assert!(self.summary.runs > 0, "a run comes before its observations");
        self.summary.results += 1;
        self.summary.observations += 1;
        if self.summary.observations > self.max_observations {
            return Err(ErrorKind::LimitExceeded { what: "number of results", bound: self.max_observations });
        }
        (self.sink)(Event::Observation(Box::new(observation))).map_err(ErrorKind::Sink)
    }

    /// Counts a result that is no weakness seen now.
    pub(crate) fn left_out(&mut self, reason: &'static str) {
        self.summary.results += 1;
        match self.summary.left_out.iter_mut().find(|left_out| left_out.reason == reason) {
            Some(left_out) => left_out.count += 1,
            None => self.summary.left_out.push(LeftOut { reason, count: 1 }),
        }
    }

    pub(crate) fn finish(self) -> Summary {
        self.summary
    }
}
