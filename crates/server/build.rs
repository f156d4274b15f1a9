//! Embeds the pages anew when they were built anew.

fn main() -> std::io::Result<()> {
    // Watching a folder that is missing would build the server anew each time.
    std::fs::create_dir_all("../../web/dist")?;
    println!("cargo::rerun-if-changed=../../web/dist");
    Ok(())
}
