//! Compressed reports: gzip, and ZIP with one file in it.
//!
//! The report is unpacked into memory, and beyond a few megabytes into a temporary file without a name that goes with
//! it. Nothing is ever written under a name from an archive. Size and ratio are bounded while unpacking, an archive
//! inside of an archive is refused, and so is a ZIP with several files: which of them are reports, and of which scans,
//! is not ours to guess.

mod zip;

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use flate2::bufread::MultiGzDecoder;
use tempfile::SpooledTempFile;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// Bytes that stay in memory.
const IN_MEMORY: usize = 8 << 20;
/// Bytes unpacked before the ratio counts: small texts may be very regular.
const RATIO_FROM: u64 = 16 << 20;

/// What a file is packed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zip,
}

impl Packing {
    fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1F, 0x8B, ..] => Some(Self::Gzip),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "the gzip archive",
            Self::Zip => "the ZIP archive",
        }
    }
}

/// The unpacked report; `None` if the file is not packed.
///
/// # Errors
///
/// What is damaged, over the limits, or not one report.
pub(crate) fn unpack(input: &mut dyn ReadSeek, limits: &Limits) -> Result<Option<SpooledTempFile>, Error> {
    input.seek(SeekFrom::Start(0)).map_err(ErrorKind::Io)?;
    let mut magic = Vec::new();
    (&mut *input).take(4).read_to_end(&mut magic).map_err(ErrorKind::Io)?;
    let Some(packing) = Packing::of(&magic) else { return Ok(None) };
    let size = input.seek(SeekFrom::End(0)).map_err(ErrorKind::Io)?;
    if size > limits.max_bytes {
        return Err(
            ErrorKind::LimitExceeded { what: "size of the file in bytes", bound: limits.max_bytes }.into()
        );
    }
    let mut spool = match packing {
        Packing::Gzip => {
            input.seek(SeekFrom::Start(0)).map_err(ErrorKind::Io)?;
            let packed = Counted { inner: input, count: 0 };
            let mut gzip = MultiGzDecoder::new(BufReader::new(packed));
            spool(&mut gzip, limits, packing, |gzip| gzip.get_ref().get_ref().count)?
        }
        Packing::Zip => zip::only_file(input, limits, size)?,
    };
    spool.seek(SeekFrom::Start(0)).map_err(ErrorKind::Io)?;
    let mut head = Vec::new();
    (&mut spool).take(512).read_to_end(&mut head).map_err(ErrorKind::Io)?;
    let inside = if Packing::of(&head).is_some() {
        Some("another archive")
    } else if head.get(257..262) == Some(b"ustar") {
        Some("a tar archive")
    } else {
        None
    };
    if let Some(inside) = inside {
        let reason = format!("there is {inside} inside of {}; upload the report in it alone", packing.name());
        return Err(ErrorKind::invalid(reason).into());
    }
    Ok(Some(spool))
}

/// Unpacks to the end, within the limits. `packed` says how many bytes were read for it so far.
fn spool<R: Read>(
    reader: &mut R,
    limits: &Limits,
    packing: Packing,
    packed: impl Fn(&R) -> u64,
) -> Result<SpooledTempFile, ErrorKind> {
    let mut spool = SpooledTempFile::new(IN_MEMORY);
    let mut buffer = vec![0; 64 << 10];
    let mut unpacked = 0;
    loop {
        let count = reader.read(&mut buffer).map_err(|error| damaged(error, packing))?;
        if count == 0 {
            return Ok(spool);
        }
        unpacked += count as u64;
        if unpacked > limits.max_bytes {
            return Err(ErrorKind::LimitExceeded {
                what: "size of the unpacked report in bytes",
                bound: limits.max_bytes,
            });
        }
        if unpacked > RATIO_FROM && unpacked / limits.max_ratio.max(1) > packed(reader) {
            return Err(ErrorKind::LimitExceeded {
                what: "ratio of unpacked to packed bytes",
                bound: limits.max_ratio,
            });
        }
        spool.write_all(&buffer[..count]).map_err(ErrorKind::Io)?;
    }
}

fn damaged(error: io::Error, packing: Packing) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ErrorKind::Truncated { inside: packing.name().to_owned() },
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            ErrorKind::Syntax { reason: format!("{} cannot be unpacked ({error})", packing.name()) }
        }
        _ => ErrorKind::Io(error),
    }
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

/// The beginning of what is packed in the beginning of a file, if it is gzip; for recognition only.
pub(crate) fn gzip_head(head: &[u8], most: usize) -> Option<Vec<u8>> {
    if Packing::of(head) != Some(Packing::Gzip) {
        return None;
    }
    let mut unpacked = vec![0; most];
    let mut gzip = MultiGzDecoder::new(head);
    let mut filled = 0;
    // That the beginning of a file is cut off is no news.
    while let Ok(count @ 1..) = gzip.read(&mut unpacked[filled..]) {
        filled += count;
    }
    unpacked.truncate(filled);
    Some(unpacked)
}
