//! For tests only: the real engine and a real database, with a clock that is moved by hand, seeded chance, and the
//! emulator as a value in the same process. A [`Story`] hides the plumbing: it reads like what people do.

#![expect(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod board;
mod clock;
pub mod configuration;
mod database;
mod death;
mod exchange;
mod report;
mod served;
pub mod sim;
mod story;

pub use board::{Board, Fault, Halt, OTHER_PROJECT};
pub use clock::{HandClock, SeededChance};
pub use database::{TestDatabase, databases};
pub use death::dies_at;
pub use report::{Report, weakness};
pub use served::{Served, of_family};
pub use story::{Story, StoryBuilder};
