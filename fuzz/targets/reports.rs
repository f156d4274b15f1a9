//! The program that libFuzzer drives. Which target it is, is said by the environment: they differ in one argument, and
//! forty-odd programs would take long to link.

#![no_main]

use std::sync::LazyLock;

use fuzz::Target;
use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var(fuzz::VARIABLE).unwrap_or_default();
    name.parse().unwrap_or_else(|error| panic!("{} says '{name}': {error}", fuzz::VARIABLE))
});

fuzz_target!(init: { LazyLock::force(&TARGET); }, |bytes: &[u8]| {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    TARGET.check(bytes);
    let most = MEMORY.peak_usage() - before;
    let bound = fuzz::memory_bound();
    assert!(most as u64 <= bound, "{most} bytes of memory for {} bytes of input; {bound} are the bound", bytes.len());
});
