//! Stories of the engine, told with a real database and the local Azure DevOps in this process, one subject a file.
//! `cargo test -p engine --test stories <word>` runs those whose name holds the word. (One program: fifteen would be linked
//! one after the other.)

#![expect(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]

mod acceptances;
mod adoption;
mod alarms;
mod aside;
mod assessments;
mod attachments;
mod by_hand;
mod commands;
mod comments;
mod configuration;
mod correlation;
mod creation;
mod drift;
mod economy;
mod effect;
mod fields;
mod following;
mod guards;
mod import_plan;
mod imports;
mod manual;
mod plan;
mod priority;
mod renames;
mod routing;
mod rules;
mod sources;
mod suppressions;
mod templates;
mod temporary;
mod tending;
mod webhooks;
mod whereabouts;
mod whole_loop;
