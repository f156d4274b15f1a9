//! Reports in gzip and ZIP: unpacked within limits, or refused with what to do.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as, sample};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One file of a ZIP archive.
struct File<'a> {
    name: &'a str,
    content: &'a [u8],
    method: u16,
    flags: u16,
}

impl<'a> File<'a> {
    fn deflated(name: &'a str, content: &'a [u8]) -> Self {
        Self { name, content, method: 8, flags: 0 }
    }
}

/// An archive as PKZIP's note describes it.
fn zip(files: &[File<'_>], comment: &[u8]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for File { name, content, method, flags } in files {
        let packed = if *method == 8 { deflate(content) } else { content.to_vec() };
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut facts = Vec::new();
        facts.extend(20_u16.to_le_bytes());
        facts.extend(flags.to_le_bytes());
        facts.extend(method.to_le_bytes());
        facts.extend([0; 4]);
        facts.extend(crc.sum().to_le_bytes());
        facts.extend((packed.len() as u32).to_le_bytes());
        facts.extend((content.len() as u32).to_le_bytes());
        facts.extend((name.len() as u16).to_le_bytes());
        facts.extend(0_u16.to_le_bytes());
        let offset = archive.len() as u32;
        archive.extend(b"PK\x03\x04");
        archive.extend(&facts);
        archive.extend(name.as_bytes());
        archive.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&facts);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let offset = archive.len() as u32;
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend((files.len() as u16).to_le_bytes());
    archive.extend((files.len() as u16).to_le_bytes());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(offset.to_le_bytes());
    archive.extend((comment.len() as u16).to_le_bytes());
    archive.extend(comment);
    archive
}

#[test]
fn a_packed_report_is_read_like_the_report() {
    let plain = sample("trivy.json");
    let expected = read(&plain).unwrap();
    let twice = [gzip(&plain[..100]), gzip(&plain[100..])].concat();
    let stored = File { method: 0, ..File::deflated("a.json", &plain) };
    let beside = [
        File::deflated("report/", b""),
        File::deflated("report/trivy.json", &plain),
        File::deflated("__MACOSX/._trivy.json", b"x"),
        File::deflated("report/.DS_Store", b"x"),
    ];
    for packed in [
        gzip(&plain),
        twice,
        zip(&[File::deflated("trivy.json", &plain)], b""),
        zip(&[stored], b"a comment PK\x05\x06 with a false end"),
        zip(&beside, b""),
    ] {
        let report = read(&packed).unwrap();
        assert_eq!(report.summary, expected.summary);
        assert_eq!(report.observations, expected.observations);
        let named = read_as(&packed, Some(Format::Trivy), &Limits::default()).unwrap();
        assert_eq!(named.observations.len(), expected.observations.len());
    }
}

#[test]
fn a_name_in_an_archive_is_only_a_name() {
    let plain = sample("trivy.json");
    for name in ["../../etc/cron.d/evil", "/etc/passwd", "C:\\windows\\x", "a\0b", ""] {
        assert!(read(&zip(&[File::deflated(name, &plain)], b"")).is_ok(), "{name}");
    }
}

#[test]
fn several_files_are_refused_by_their_names() {
    let archive =
        zip(&[File::deflated("a/machines.json", b"{}"), File::deflated("b/one\nreport.json", b"{}")], b"");
    let error = read(&archive).unwrap_err().to_string();
    assert_eq!(
        error,
        "there are 2 files in the ZIP archive (a/machines.json, b/one report.json), and which of them are reports of \
         one scan is not known; upload each report by itself"
    );
    let names: Vec<String> = (0..9).map(|n| format!("{n}.json")).collect();
    let many: Vec<File<'_>> = names.iter().map(|name| File::deflated(name, b"{}")).collect();
    assert!(read(&zip(&many, b"")).unwrap_err().to_string().contains("4.json and 4 more)"));
    assert!(
        read(&zip(&[File::deflated("folder/", b"")], b""))
            .unwrap_err()
            .to_string()
            .contains("there is no file")
    );
}

#[test]
fn bombs_are_stopped_by_size_and_by_ratio() {
    let limits = Limits { max_bytes: 40 << 20, ..Limits::default() };
    let bomb = vec![b' '; 64 << 20];
    for packed in [gzip(&bomb), zip(&[File::deflated("a", &bomb)], b"")] {
        let error = read_as(&packed, None, &limits).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::LimitExceeded { .. }), "{error}");
        let wide = Limits { max_ratio: u64::MAX, ..limits.clone() };
        let error = read_as(&packed, None, &wide).unwrap_err().to_string();
        assert!(error.contains("size of the unpacked report in bytes exceeds the limit"), "{error}");
        let tall = Limits { max_ratio: 20, ..Limits::default() };
        let error = read_as(&packed, None, &tall).unwrap_err().to_string();
        assert!(error.contains("ratio of unpacked to packed bytes exceeds the limit of 20"), "{error}");
    }
    let mut lying = zip(&[File::deflated("a", &bomb)], b"");
    let directory = lying.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    lying[directory + 24..directory + 28].copy_from_slice(&10_u32.to_le_bytes());
    assert!(matches!(read_as(&lying, None, &limits).unwrap_err().kind, ErrorKind::LimitExceeded { .. }));
}

#[test]
fn an_archive_in_an_archive_is_refused() {
    let plain = sample("trivy.json");
    let mut tar = vec![0; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    for (packed, told) in [
        (gzip(&gzip(&plain)), "another archive inside of the gzip archive"),
        (gzip(&zip(&[File::deflated("a", &plain)], b"")), "another archive inside of the gzip archive"),
        (zip(&[File::deflated("a.gz", &gzip(&plain))], b""), "another archive inside of the ZIP archive"),
        (gzip(&tar), "a tar archive inside of the gzip archive"),
    ] {
        let error = read(&packed).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("upload the report in it alone"), "{error}");
    }
}

#[test]
fn damaged_and_encrypted_archives_are_refused() {
    let plain = sample("trivy.json");
    let whole = zip(&[File::deflated("a.json", &plain)], b"");
    for cut in [20, whole.len() / 2, whole.len() - 1] {
        assert!(matches!(read(&whole[..cut]).unwrap_err().kind, ErrorKind::Truncated { .. }), "{cut}");
    }
    let packed = gzip(&plain);
    for cut in [5, packed.len() / 2, packed.len() - 1] {
        let error = read(&packed[..cut]).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Truncated { .. }), "{cut}: {error}");
    }
    let mut flipped = packed.clone();
    let crc = flipped.len() - 8;
    flipped[crc] ^= 1;
    assert!(matches!(read(&flipped).unwrap_err().kind, ErrorKind::Syntax { .. }));
    let mut flipped = whole.clone();
    let crc = whole.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap() + 16;
    flipped[crc] ^= 1;
    let error = read(&flipped).unwrap_err().to_string();
    assert!(error.contains("checksum"), "{error}");
    let encrypted = File { flags: 1, ..File::deflated("a.json", &plain) };
    assert!(read(&zip(&[encrypted], b"")).unwrap_err().to_string().contains("is encrypted"));
    let other = File { method: 14, ..File::deflated("a.json", &plain) };
    assert!(read(&zip(&[other], b"")).unwrap_err().to_string().contains("packed with method 14"));
    let mut far = whole;
    let offset = far.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap() + 42;
    far[offset..offset + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(read(&far).is_err());
}

#[test]
fn the_format_inside_of_gzip_is_told_from_its_beginning() {
    let packed = gzip(&sample("trivy.json"));
    assert_eq!(reports::detect(&packed).unwrap(), Format::Trivy);
    let archive = zip(&[File::deflated("a.json", &sample("trivy.json"))], b"");
    let error = reports::detect(&archive).unwrap_err().to_string();
    assert!(error.contains("a ZIP archive"), "{error}");
}
