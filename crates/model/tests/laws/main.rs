//! Laws of the pure centre, tried with values that nobody would think of.
//!
//! Each module states what must hold whatever happens, and lets generated histories try to break it.

#[cfg(test)]
mod board;
#[cfg(test)]
mod hostile_text;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod in_step;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod marks;
#[cfg(test)]
mod merge;
mod owners;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod rescans;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod state_path;
#[cfg(test)]
mod status_map;
mod templates;
