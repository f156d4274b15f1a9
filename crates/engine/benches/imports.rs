//! How much memory the import of a large report takes, and how long, beside what the same would cost at least.
//!
//! Method: SARIF files of 10,000 and of 1,000,000 results are written to a temporary folder: 50 rules, a hundred results in
//! each source file, two at each place (one rule in one file), each with a message, lines, a snippet and a fingerprint;
//! some 700 bytes. Every measurement is a process of its own that does one thing to one file and then reads its own peak
//! from `VmHWM` of `/proc/self/status`:
//!
//! * `parse`: `reports::read`, and every observation is dropped.
//! * `import`: a report is submitted and its job carried out, into an empty SQLite file on a disk: read through, staged,
//!   recognised, stored with detections and history, in effect.
//! * `bare parse`: `serde_json` goes over the same file from a buffered reader and keeps nothing.
//! * `bare rows`: as many rows with a key, a place and a text as long as a result, into a table without an index, through
//!   the same driver, 500 in a transaction.
//!
//! Ratios are of processor time (user and system), because the clock of a busy machine measures the others too.
//!
//! It fails if the larger file takes more than 1.3 times the memory of the smaller one, parsed or imported.
//!
//! `cargo bench -p engine --bench imports`; `LOCKSTEP_RESULTS` sets another number for the larger file. Only on Linux.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made fails")]
#![expect(clippy::print_stdout, reason = "what was measured is printed")]

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use azure::{AddressPolicy, HttpTransport, SystemClock};
use engine::{Actor, Engine, ImportRequest, OsChance, Settings, World};
use store::secrets::Keys;
use store::{Db, args};
use uuid::Uuid;

const SMALL: u64 = 10_000;
const LARGE: u64 = 1_000_000;
/// Memory for the larger file, in times of that for the smaller one.
const MOST_GROWTH: f64 = 1.3;
/// Names the measurement of a process: what is done, to how many results, in which file.
const MEASUREMENT: &str = "LOCKSTEP_MEASUREMENT";
/// Rows in one transaction, as when observations are staged.
const BATCH: u64 = 500;

const WAYS: [&str; 4] = ["bare parse", "parse", "bare rows", "import"];

/// Hundredths of a second, in which Linux tells processor time.
const TICKS_PER_SECOND: f64 = 100.0;

struct Measured {
    seconds: f64,
    processor_seconds: f64,
    peak_kib: u64,
}

/// From when something is measured: by the clock, and in ticks of the processor.
struct Begun(Instant, u64);

impl Begun {
    fn now() -> Self {
        Self(Instant::now(), ticks())
    }

    fn until_now(&self) -> (f64, f64) {
        (self.0.elapsed().as_secs_f64(), (ticks() - self.1) as f64 / TICKS_PER_SECOND)
    }
}

/// Processor time of this process so far: the fields 14 and 15 of its line, counted behind its name.
fn ticks() -> u64 {
    let line = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = line.rsplit_once(") ").unwrap().1.split(' ');
    fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

fn main() {
    match std::env::var(MEASUREMENT) {
        Ok(measurement) => measure(&measurement),
        Err(_) => compare(),
    }
}

fn compare() {
    let large = std::env::var("LOCKSTEP_RESULTS").map_or(LARGE, |number| number.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut peaks = Vec::new();
    for results in [SMALL, large] {
        let file = folder.path().join(format!("{results}.sarif"));
        write_report(&file, results).unwrap();
        let megabytes = std::fs::metadata(&file).unwrap().len() as f64 / 1e6;
        println!("{results} results, {megabytes:.1} MB");
        let measured = WAYS.map(|way| {
            let of = of_a_process(way, results, &file);
            println!(
                "  {way:<12}{:>9.2} s{:>9.2} s of processor{:>11.0} results/s{:>9.1} MB/s{:>8.1} MiB at the peak",
                of.seconds,
                of.processor_seconds,
                results as f64 / of.seconds,
                megabytes / of.seconds,
                of.peak_kib as f64 / 1024.0
            );
            of
        });
        let [bare_parse, parse, bare_rows, import] = &measured;
        println!(
            "  parse takes {:.1} times the bare parse; import takes {:.1} times bare parse and bare rows together",
            parse.processor_seconds / bare_parse.processor_seconds,
            import.processor_seconds / (bare_parse.processor_seconds + bare_rows.processor_seconds)
        );
        peaks.push((parse.peak_kib, import.peak_kib));
    }
    let growth = |of: fn(&(u64, u64)) -> u64| of(&peaks[1]) as f64 / of(&peaks[0]) as f64;
    let (parse, import) = (growth(|peak| peak.0), growth(|peak| peak.1));
    println!("memory of {large} results in times of {SMALL}: parse {parse:.2}, import {import:.2}");
    assert!(parse <= MOST_GROWTH, "parsing does not stay within {MOST_GROWTH}");
    assert!(import <= MOST_GROWTH, "importing does not stay within {MOST_GROWTH}");
}

fn of_a_process(way: &str, results: u64, file: &Path) -> Measured {
    let output = Command::new(std::env::current_exe().unwrap())
        .env(MEASUREMENT, format!("{way}|{results}|{}", file.display()))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{way}: {told}{}", String::from_utf8_lossy(&output.stderr));
    let mut numbers = told.split_whitespace();
    let mut number = || numbers.next().unwrap();
    Measured {
        seconds: number().parse().unwrap(),
        processor_seconds: number().parse().unwrap(),
        peak_kib: number().parse().unwrap(),
    }
}

/// Does one thing and prints how many seconds it took, by the clock and of the processor, and how many KiB the process
/// held at most.
fn measure(measurement: &str) {
    let mut parts = measurement.splitn(3, '|');
    let mut part = || parts.next().unwrap();
    let (way, results, file) = (part(), part().parse().unwrap(), PathBuf::from(part()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (seconds, processor_seconds) = match way {
        "bare parse" => bare_parse(&file),
        "parse" => parse(&file, results),
        "bare rows" => runtime.block_on(bare_rows(&file, results)),
        _ => runtime.block_on(import(&file, results)),
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{seconds} {processor_seconds} {}", peak.trim().trim_end_matches(" kB"));
}

fn bare_parse(file: &Path) -> (f64, f64) {
    let begun = Begun::now();
    let reader = BufReader::with_capacity(64 << 10, File::open(file).unwrap());
    let _: serde::de::IgnoredAny = serde_json::from_reader(reader).unwrap();
    begun.until_now()
}

fn parse(file: &Path, results: u64) -> (f64, f64) {
    let begun = Begun::now();
    let reader = BufReader::new(File::open(file).unwrap());
    let summary = reports::read(reader, None, &reports::Limits::default(), &mut |_| Ok(())).unwrap();
    assert_eq!(summary.observations, results);
    begun.until_now()
}

async fn bare_rows(file: &Path, results: u64) -> (f64, f64) {
    let folder = tempfile::tempdir_in(file.parent().unwrap()).unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("rows.db").display())).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute("CREATE TABLE bare (id BLOB NOT NULL, place TEXT NOT NULL, detail TEXT NOT NULL)", Vec::new())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let begun = Begun::now();
    let mut number = 0;
    while number < results {
        let mut tx = db.begin().await.unwrap();
        for _ in 0..BATCH.min(results - number) {
            let place = format!("src/module{}/file.rs", number / 100);
            let row = args![Uuid::from_u128(u128::from(number)), place, result(number)];
            tx.execute("INSERT INTO bare (id, place, detail) VALUES ($1, $2, $3)", row).await.unwrap();
            number += 1;
        }
        tx.commit().await.unwrap();
    }
    begun.until_now()
}

async fn import(file: &Path, results: u64) -> (f64, f64) {
    let folder = tempfile::tempdir_in(file.parent().unwrap()).unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("lockstep.db").display())).await.unwrap();
    let settings = Settings::new(folder.path().to_owned(), "http://localhost/".parse().unwrap());
    let transport = HttpTransport::new(AddressPolicy::public_only(), Arc::new(SystemClock)).unwrap();
    let world = World::new(Arc::new(SystemClock), Arc::new(OsChance));
    let (keys, owner) = (Keys::new([7; 32]), Uuid::from_u128(1));
    let engine = Engine::assemble(settings, db.clone(), keys, world, Arc::new(transport), owner);
    // It is moved, and deleted at the end.
    let upload = folder.path().join("upload");
    std::fs::hard_link(file, &upload).unwrap();
    let begun = Begun::now();
    let request = ImportRequest { asset: "shop".into(), ..ImportRequest::default() };
    engine.submit_import(request, upload, &Actor { name: "pipeline".into() }).await.unwrap();
    while engine.run_next_job().await.unwrap() {}
    let took = begun.until_now();
    let mut tx = db.read().await.unwrap();
    assert_eq!(tx.count("SELECT count(*) AS n FROM finding", Vec::new()).await.unwrap(), results);
    took
}

fn write_report(file: &Path, results: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(file)?);
    let rules: Vec<String> = (0..50)
        .map(|rule| {
            format!(
                r#"{{"id":"rule-{rule}","shortDescription":{{"text":"Weakness number {rule}"}},"help":{{"text":"Mend it."}}}}"#
            )
        })
        .collect();
    write!(
        file,
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"benchscan","version":"1.0","rules":[{}]}}}},"results":["#,
        rules.join(",")
    )?;
    for number in 0..results {
        let comma = if number == 0 { "\n" } else { ",\n" };
        write!(file, "{comma}{}", result(number))?;
    }
    file.write_all(b"\n]}]}")?;
    file.flush()
}

fn result(number: u64) -> String {
    let (rule, module, line) = (number % 50, number / 100, 10 * (number % 100) + 1);
    format!(
        concat!(
            r#"{{"ruleId":"rule-{rule}","level":"warning","message":{{"text":"The value that comes from request {number} "#,
            r#"reaches a statement without being checked, so that whoever sends it decides what the statement does."}},"#,
            r#""locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"src/module{module}/file.rs"}},"#,
            r#""region":{{"startLine":{line},"endLine":{end},"startColumn":9,"endColumn":72,"snippet":{{"text":"#,
            r#""        let answer{number} = database.execute(&format!(\"SELECT * FROM orders WHERE id = {{}}\", input{number}));"}}}}}}}}],"#,
            r#""partialFingerprints":{{"primaryLocationLineHash":"{number:016x}:1"}}}}"#
        ),
        rule = rule,
        number = number,
        module = module,
        line = line,
        end = line + 1
    )
}
