//! Envoy with one thread.

use std::{path::Path, process::Command};

/// In the foreground.
pub fn in_foreground(mut program: Command, configuration: &Path) -> Command {
    program
        .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warn", "-c"])
        .arg(configuration);
    program
}
