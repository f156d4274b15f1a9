//! Differences that stay, each with its reason. One that no longer occurs fails the test.

pub struct Exception {
    /// Recording, `*` at the end for all that start so.
    pub file: &'static str,
    /// Numbers of exchanges in the file; empty for all.
    pub exchanges: &'static [usize],
    pub path: &'static str,
    pub reason: &'static str,
}

pub const EXCEPTIONS: &[Exception] = &[];

impl Exception {
    pub fn covers(&self, file: &str, exchange: usize, path: &str) -> bool {
        let named = match self.file.strip_suffix('*') {
            Some(start) => file.starts_with(start),
            None => file == self.file,
        };
        named && (self.exchanges.is_empty() || self.exchanges.contains(&exchange)) && self.path == path
    }
}
