//! The only file of a ZIP archive (APPNOTE 6.3.10): stored or deflated, not encrypted.
//!
//! Read by the directory at the end, which is small by our bounds; that keeps memory and time known whatever the
//! archive says of itself.

use std::io::{Read, SeekFrom};

use flate2::CrcReader;
use flate2::read::DeflateDecoder;
use tempfile::SpooledTempFile;

use super::{Counted, Packing, spool};
use crate::ReadSeek;
use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::text::{one_line, shorten};

/// Most files in an archive whose names are looked at.
const MAX_FILES: u16 = 1_000;
/// Most bytes of the directory.
const MAX_DIRECTORY: u64 = 1 << 20;
/// Bytes of the record that ends an archive, and most of the comment behind it.
const END: u64 = 22;
const MAX_COMMENT: u64 = 65_535;
/// Names told in a refusal.
const TOLD: usize = 5;

/// One file in the directory.
struct Entry {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    unpacked: u64,
    offset: u64,
}

pub(super) fn only_file(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    size: u64,
) -> Result<SpooledTempFile, ErrorKind> {
    let directory = directory(input, size)?;
    let mut files = Vec::new();
    let mut rest = directory.as_slice();
    while !rest.is_empty() {
        let (entry, after) = entry(rest).ok_or_else(|| damaged("its directory is damaged"))?;
        rest = after;
        // What file managers add, and folders.
        let hidden = entry.name.starts_with("__MACOSX/") || entry.name.ends_with(".DS_Store");
        if !entry.name.ends_with('/') && !hidden {
            files.push(entry);
        }
    }
    let [file] = files.as_slice() else {
        let told: Vec<String> =
            files.iter().take(TOLD).map(|file| shorten(&one_line(&file.name), 80)).collect();
        let more =
            if files.len() > TOLD { format!(" and {} more", files.len() - TOLD) } else { String::new() };
        return Err(ErrorKind::invalid(match files.len() {
            0 => "there is no file in the ZIP archive; check how it was made".to_owned(),
            count => format!(
                "there are {count} files in the ZIP archive ({}{more}), and which of them are reports of one scan is \
                 not known; upload each report by itself",
                told.join(", ")
            ),
        }));
    };
    if file.flags & 1 != 0 {
        return Err(ErrorKind::invalid(
            "the file in the ZIP archive is encrypted; upload it without a password",
        ));
    }
    if file.unpacked > limits.max_bytes {
        return Err(ErrorKind::LimitExceeded {
            what: "size of the unpacked report in bytes",
            bound: limits.max_bytes,
        });
    }
    if file.offset > size {
        return Err(damaged("its directory points behind its end"));
    }
    input.seek(SeekFrom::Start(file.offset)).map_err(ErrorKind::Io)?;
    let mut header = [0; 30];
    fill(input, &mut header)?;
    if header[..4] != *b"PK\x03\x04" {
        return Err(damaged("its directory points to no file"));
    }
    let skipped = u64::from(short(&header, 26)) + u64::from(short(&header, 28));
    input.seek(SeekFrom::Start(file.offset + 30 + skipped)).map_err(ErrorKind::Io)?;
    let packed = Counted { inner: input, count: 0 }.take(file.packed);
    let (spooled, crc) = match file.method {
        0 => {
            let mut reader = CrcReader::new(packed);
            let spooled =
                spool(&mut reader, limits, Packing::Zip, |reader| reader.get_ref().get_ref().count)?;
            (spooled, reader.crc().sum())
        }
        8 => {
            let mut reader = CrcReader::new(DeflateDecoder::new(packed));
            let count = |reader: &CrcReader<DeflateDecoder<_>>| {
                let taken: &std::io::Take<Counted<&mut dyn ReadSeek>> = reader.get_ref().get_ref();
                taken.get_ref().count
            };
            let spooled = spool(&mut reader, limits, Packing::Zip, count)?;
            (spooled, reader.crc().sum())
        }
        method => {
            let reason = format!(
                "the file in the ZIP archive is packed with method {method}; only deflate is read, so pack it again"
            );
            return Err(ErrorKind::Invalid { reason });
        }
    };
    if crc != file.crc {
        return Err(damaged("the file in it does not have the checksum that the archive says"));
    }
    Ok(spooled)
}

fn damaged(what: &str) -> ErrorKind {
    ErrorKind::Syntax { reason: format!("the ZIP archive cannot be unpacked: {what}") }
}

fn fill(input: &mut dyn ReadSeek, buffer: &mut [u8]) -> Result<(), ErrorKind> {
    input.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => ErrorKind::Truncated { inside: "the ZIP archive".to_owned() },
        _ => ErrorKind::Io(error),
    })
}

/// The bytes of the directory, found by the record that ends the archive.
fn directory(input: &mut dyn ReadSeek, size: u64) -> Result<Vec<u8>, ErrorKind> {
    let start = size.saturating_sub(END + MAX_COMMENT);
    input.seek(SeekFrom::Start(start)).map_err(ErrorKind::Io)?;
    let mut tail = Vec::new();
    (&mut *input).take(END + MAX_COMMENT).read_to_end(&mut tail).map_err(ErrorKind::Io)?;
    let ends = |at: &usize| {
        tail[*at..].starts_with(b"PK\x05\x06")
            && tail.len() - at >= END as usize
            && usize::from(short(&tail, at + 20)) == tail.len() - at - END as usize
    };
    let at = (0..tail.len()).rev().find(ends);
    let end = &tail[at.ok_or_else(|| ErrorKind::Truncated { inside: "the ZIP archive".to_owned() })?..];
    let (files, bytes, offset) = (short(end, 10), u64::from(long(end, 12)), u64::from(long(end, 16)));
    if files > MAX_FILES || bytes > MAX_DIRECTORY {
        return Err(ErrorKind::LimitExceeded {
            what: "number of files in the ZIP archive",
            bound: u64::from(MAX_FILES),
        });
    }
    if offset + bytes > size {
        return Err(damaged("its directory lies outside of it"));
    }
    input.seek(SeekFrom::Start(offset)).map_err(ErrorKind::Io)?;
    let mut directory = vec![0; bytes as usize];
    fill(input, &mut directory)?;
    Ok(directory)
}

fn short(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]))
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(short(bytes, at)) | u32::from(short(bytes, at + 2)) << 16
}

/// The first entry, and what is behind it.
fn entry(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    if bytes.len() < 46 || bytes[..4] != *b"PK\x01\x02" {
        return None;
    }
    let (name, extra, comment) = (short(bytes, 28), short(bytes, 30), short(bytes, 32));
    let name_end = 46 + usize::from(name);
    let extra_end = name_end + usize::from(extra);
    let end = extra_end + usize::from(comment);
    let mut entry = Entry {
        name: String::from_utf8_lossy(bytes.get(46..name_end)?).into_owned(),
        flags: short(bytes, 8),
        method: short(bytes, 10),
        crc: long(bytes, 16),
        packed: u64::from(long(bytes, 20)),
        unpacked: u64::from(long(bytes, 24)),
        offset: u64::from(long(bytes, 42)),
    };
    wide(bytes.get(name_end..extra_end)?, &mut entry);
    Some((entry, bytes.get(end..)?))
}

/// Numbers that did not fit stand in a field of their own, in this order (ZIP64, section 4.5.3).
fn wide(mut extra: &[u8], entry: &mut Entry) {
    while extra.len() >= 4 {
        let length = usize::from(short(extra, 2));
        let Some(mut field) = extra.get(4..4 + length) else { return };
        if short(extra, 0) == 1 {
            for number in [&mut entry.unpacked, &mut entry.packed, &mut entry.offset] {
                if *number == u64::from(u32::MAX) && field.len() >= 8 {
                    *number = u64::from(long(field, 0)) | u64::from(long(field, 4)) << 32;
                    field = &field[8..];
                }
            }
            return;
        }
        extra = &extra[4 + length..];
    }
}
