//! Rate limits (azure-devops.md section 12): a budget of TSTU per identity in a sliding window. Over the budget
//! the service first holds answers back and says so, and only then refuses with 429.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    super::{Response, errors::ApiError},
    Gate,
};

/// From this share of the budget on the headers are sent; where the service begins is not documented.
const NEAR: f64 = 0.8;
const RESOURCE: &str = "WorkItemTrackingResource";

/// What each identity spent in the window, oldest first.
pub(super) type Usage = BTreeMap<Uuid, VecDeque<Spent>>;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Spent {
    at: DateTime<Utc>,
    cost: f64,
}

/// How an identity stands when it calls.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Standing {
    /// No limit, or far from it.
    Free,
    /// Near the limit: headers only.
    Near,
    /// Over it: the answer is held back.
    Held {
        /// For so long.
        delay: TimeDelta,
    },
    /// Far over it: 429.
    Blocked,
}

impl Gate {
    /// How the identity stands before a call, by what it spent in the window.
    pub(crate) fn standing(&mut self, identity: Uuid, now: DateTime<Utc>) -> Standing {
        let Some(limits) = &self.limits else { return Standing::Free };
        let Some(spent) = self.usage.get_mut(&identity) else { return Standing::Free };
        let oldest = now - TimeDelta::seconds(limits.window_seconds);
        while spent.front().is_some_and(|s| s.at <= oldest) {
            spent.pop_front();
        }
        let used = total(spent) / limits.tstu;
        let over = used - 1.0;
        let room = limits.block_at - 1.0;
        if used >= limits.block_at {
            Standing::Blocked
        } else if over >= 0.0 {
            // Slower and slower, up to the longest delay just before the end.
            let share = (over / room).clamp(0.0, 1.0);
            #[expect(clippy::cast_possible_truncation, reason = "a share of a number of milliseconds")]
            let delay = (share * limits.longest_delay_ms as f64) as i64;
            Standing::Held { delay: TimeDelta::milliseconds(delay.max(1)) }
        } else if used >= NEAR {
            Standing::Near
        } else {
            Standing::Free
        }
    }

    /// Notes what a call cost, in TSTU.
    pub(crate) fn spend(&mut self, identity: Uuid, cost: f64, now: DateTime<Utc>) {
        if self.limits.is_some() {
            self.usage.entry(identity).or_default().push_back(Spent { at: now, cost });
        }
    }

    /// Forgets what was spent.
    pub(crate) fn forget_usage(&mut self) {
        self.usage.clear();
    }

    /// The headers that go with a standing, counted after the call was paid for.
    pub(crate) fn headers(
        &self,
        identity: Uuid,
        standing: &Standing,
        now: DateTime<Utc>,
    ) -> Vec<(String, String)> {
        let (Some(limits), false) = (&self.limits, *standing == Standing::Free) else { return Vec::new() };
        let none = VecDeque::new();
        let spent = self.usage.get(&identity).unwrap_or(&none);
        let left = (limits.tstu - total(spent)).max(0.0).floor();
        let window = TimeDelta::seconds(limits.window_seconds);
        let reset = spent.back().map_or(now, |last| last.at + window);
        let retry = seconds_until_below(spent, limits.tstu, now - window);
        match standing {
            Standing::Held { delay } => {
                named(Some(retry), Some(*delay), limits.tstu, left, reset.timestamp())
            }
            Standing::Blocked => named(Some(retry), None, limits.tstu, left, reset.timestamp()),
            Standing::Free | Standing::Near => named(None, None, limits.tstu, left, reset.timestamp()),
        }
    }
}

fn total(spent: &VecDeque<Spent>) -> f64 {
    spent.iter().map(|s| s.cost).sum()
}

/// Whole seconds, at least one, until enough of the window has passed for the usage to be below the budget.
/// `start` is where the window begins now.
fn seconds_until_below(spent: &VecDeque<Spent>, budget: f64, start: DateTime<Utc>) -> i64 {
    let mut used = total(spent);
    for entry in spent {
        used -= entry.cost;
        if used < budget {
            let wait = entry.at - start;
            return (wait.num_milliseconds() + 999).div_euclid(1_000).max(1);
        }
    }
    1
}

fn named(
    retry: Option<i64>,
    delay: Option<TimeDelta>,
    limit: f64,
    left: f64,
    reset: i64,
) -> Vec<(String, String)> {
    let delay = delay.map(|d| {
        let millis = d.num_milliseconds();
        format!("{}.{:03}", millis / 1_000, millis % 1_000)
    });
    [
        ("Retry-After", retry.map(|s| s.to_string())),
        ("X-RateLimit-Resource", Some(RESOURCE.to_owned())),
        ("X-RateLimit-Delay", delay),
        ("X-RateLimit-Limit", Some(format!("{limit}"))),
        ("X-RateLimit-Remaining", Some(format!("{left}"))),
        ("X-RateLimit-Reset", Some(reset.to_string())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// The headers of a fault that only says that the limit is near.
pub(crate) fn rate_headers(retry_after_seconds: u64, now: DateTime<Utc>) -> Vec<(String, String)> {
    let seconds = i64::try_from(retry_after_seconds).unwrap_or(i64::MAX / 2);
    let reset = now.timestamp().saturating_add(seconds);
    named(Some(seconds), Some(TimeDelta::milliseconds(500)), 200.0, 0.0, reset)
}

/// 429 TF400733 with these rate headers. Whether the body is the wrapper of other errors is a guess.
pub(crate) fn throttled(mut headers: Vec<(String, String)>, resource: Option<&str>) -> Response {
    let error = ApiError::blocked(resource.unwrap_or(RESOURCE));
    headers.push(("Content-Type".into(), error.content_type().into()));
    Response { status: error.status, headers, body: error.body() }
}
