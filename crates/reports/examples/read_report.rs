//! Reads a report and prints what was in it: to measure speed and memory on real files.
//!
//! `cargo run --release -p reports --example read_report -- FILE`

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name a file")?;
    let file = std::fs::File::open(&path)?;
    let begun = std::time::Instant::now();
    let summary = reports::read(file, None, &reports::Limits::default(), &mut |_| Ok(()))?;
    println!("{summary:#?}\n{:?}", begun.elapsed());
    // Linux: the most memory that this process ever held.
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    }
    Ok(())
}
