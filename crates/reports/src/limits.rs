//! How much of a report is taken in before it is refused.

/// Bounds that keep one report from filling memory, disk or time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole file, and of what is unpacked from it. Default 1 GiB.
    pub max_bytes: u64,
    /// Unpacked bytes for each byte of a packed report, once 16 MiB are unpacked. Default 500.
    pub max_ratio: u64,
    /// Bytes of everything that is not a result (rules, artifacts, run data): that part is held in memory. An object of
    /// JSON counts 256 more than its text, an element of XML 128, because that is where memory goes. Default 256 MiB.
    pub max_header_bytes: u64,
    /// Bytes of one result, counted likewise, or of one CSV row. Default 64 MiB.
    pub max_result_bytes: u64,
    /// Nesting of JSON and XML, at most 127. Default 100.
    pub max_depth: usize,
    /// Results kept from one file. Default 5,000,000.
    pub max_observations: u64,
    /// Bytes of one text in JSON and XML; the rest of a longer text is skipped while reading. Default 1 MiB.
    pub max_string: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 1 << 30,
            max_ratio: 500,
            max_header_bytes: 256 << 20,
            max_result_bytes: 64 << 20,
            max_depth: 100,
            max_observations: 5_000_000,
            max_string: 1 << 20,
        }
    }
}
