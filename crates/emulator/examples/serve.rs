//! Runs the demo on its own: `cargo run -p emulator --example serve -- 127.0.0.1:8087 [state file]`.
//! It ends when its standard input does, so that a script that started it never leaves it behind.

use std::{error::Error, io::Write, path::PathBuf};

use emulator::{Options, seed::DEMO_PAT};
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options { allow_local_hooks: true, ..Options::default() };
    if let Some(bind) = arguments.next() {
        options.bind = bind.parse()?;
    }
    options.state_file = arguments.next().map(PathBuf::from);
    let running = emulator::start(options).await?;
    writeln!(std::io::stdout(), "{}/ (token {DEMO_PAT})", running.base_url)?;
    let mut nothing = Vec::new();
    tokio::io::stdin().read_to_end(&mut nothing).await?;
    running.stop().await?;
    Ok(())
}
