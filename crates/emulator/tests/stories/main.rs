//! Stories over real HTTP, told by what a client sends and reads.
#![expect(unreachable_pub, clippy::unwrap_used, reason = "one test binary whose modules share verbs")]

mod access;
mod boards;
mod captures;
mod common;
mod discovery;
mod entra;
mod error_bodies;
mod feed;
mod front;
mod graph;
mod hooks;
mod limits;
mod links;
mod process_rules;
mod processes;
mod resources;
mod server_mode;
mod sign_in;
mod stepping;
mod subscriptions;
mod unauthorized;
mod work_items;
