//! The client against scripts, recordings, bare sockets and the emulator.

mod calls;
mod http_transport;
mod meaning;
mod recordings;
mod support;
