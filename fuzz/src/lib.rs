//! What is tried on arbitrary bytes: that no report parser panics, and that each keeps what it promises.
//!
//! There is a [`Target`] for every [`Format`], one for telling formats apart and one for unpacking. That it ends is
//! watched by libFuzzer; memory is counted by the program around it.

mod promises;

use std::io::Cursor;
use std::str::FromStr;

use reports::{Error, Event, Format, Limits, Summary, UnknownFormatName};

/// The environment variable that names the target.
pub const VARIABLE: &str = "LOCKSTEP_FUZZ";

/// Memory of a reading whatever its limits: buffers, tables of the decoders, and what was unpacked.
const FIXED_MEMORY: u64 = 1 << 20;
/// Memory for each byte that the limits allow: what is held as values is larger than its text.
const MEMORY_PER_BYTE: u64 = 12;
/// Longest text of a refusal in bytes. One of an unknown format lists all that are known.
const MAX_REFUSAL: usize = 4 << 10;

/// What is fed with arbitrary bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The parser of a format.
    Parser(Format),
    /// Telling the format from the content.
    Detect,
    /// Unpacking gzip and ZIP.
    Unpack,
}

impl FromStr for Target {
    type Err = UnknownFormatName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "detect" => Ok(Self::Detect),
            "unpack" => Ok(Self::Unpack),
            format => format.parse().map(Self::Parser),
        }
    }
}

impl Target {
    /// Reads the bytes and panics where a promise is broken.
    pub fn check(self, bytes: &[u8]) {
        match self {
            Self::Parser(format) => drop(read(bytes, Some(format))),
            Self::Unpack => drop(read(bytes, None)),
            Self::Detect => {
                let detected = reports::detect(bytes).inspect_err(refusal).ok();
                if let (Some(detected), Ok(summary)) = (detected, read(bytes, None)) {
                    assert_eq!(detected, summary.format, "what was detected is what is read");
                }
            }
        }
    }
}

/// Most bytes of memory that a reading may take, whatever is read.
pub fn memory_bound() -> u64 {
    let limits = limits();
    FIXED_MEMORY + MEMORY_PER_BYTE * (limits.max_header_bytes + limits.max_result_bytes)
}

/// So low that arbitrary input reaches them.
fn limits() -> Limits {
    Limits {
        max_bytes: 256 << 10,
        max_header_bytes: 64 << 10,
        max_result_bytes: 32 << 10,
        max_observations: 500,
        max_string: 8 << 10,
        ..Limits::default()
    }
}

fn read(bytes: &[u8], format: Option<Format>) -> Result<Summary, Error> {
    let limits = limits();
    let (mut runs, mut observations) = (0, 0);
    let mut sink = |event| {
        match event {
            Event::Run(run) => {
                runs += 1;
                promises::of_run(&run);
            }
            Event::Observation(observation) => {
                assert!(runs > 0, "a run comes before its observations");
                observations += 1;
                promises::of_observation(&observation);
            }
        }
        Ok(())
    };
    let summary = reports::read(Cursor::new(bytes), format, &limits, &mut sink).inspect_err(refusal)?;
    assert!(observations <= limits.max_observations, "the limit of results is kept");
    assert_eq!((summary.runs, summary.observations), (runs, observations));
    let left_out: u64 = summary.left_out.iter().map(|left_out| left_out.count).sum();
    assert_eq!(summary.results, observations + left_out);
    assert!(runs > 0, "a report has a run");
    Ok(summary)
}

fn refusal(error: &Error) {
    let told = error.to_string();
    assert!(!told.is_empty() && told.len() <= MAX_REFUSAL, "a refusal of {} bytes", told.len());
}
