//! Stories over real HTTP, told by what a client sends and reads.
#![expect(unreachable_pub, reason = "one binary; its modules share verbs")]

mod access;
mod boards;
mod common;
mod feed;
mod front;
mod hooks;
mod links;
mod processes;
mod work_items;
