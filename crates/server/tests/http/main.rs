//! The server over its own HTTP, on every database, one subject a file. (One program: several would be linked one after the
//! other.)

mod acceptances;
mod access;
mod branches;
mod by_hand;
mod comparisons;
mod exports;
mod flows;
mod front;
mod lists;
mod manual;
mod priority;
mod rules;
mod sign_in_ways;
mod sources;
mod support;
mod templates;
mod work;
