//! Embeds the pages anew when they were built anew.

#[expect(clippy::print_stdout, reason = "that is how cargo is told")]
fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
}
