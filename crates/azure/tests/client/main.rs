//! The client against scripts, recordings, bare sockets and the emulator.

#[cfg(test)]
mod against_emulator;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod comparison;
#[cfg(test)]
mod definitions;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod files;
mod graph;
#[cfg(test)]
mod http_transport;
#[cfg(test)]
mod in_process;
#[cfg(test)]
mod links;
#[cfg(test)]
mod meaning;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod over_http;
#[cfg(test)]
mod recorded_values;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod server;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod sign_in_emulator;
#[cfg(test)]
mod sign_in_ways;
#[cfg(test)]
mod specs;
#[cfg(test)]
mod subscriptions;
#[cfg(test)]
mod support;
#[cfg(test)]
mod swagger;
#[cfg(test)]
mod texts;
#[cfg(test)]
mod view;
#[cfg(test)]
mod walk;
