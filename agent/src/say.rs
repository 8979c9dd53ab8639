//! Words on standard error.

use std::{fmt::Arguments, io::Write as _};

/// Writes a line to standard error. That nobody takes it (a full disk, a pipe whose reader has gone) is no reason to end.
pub fn say(line: Arguments<'_>) {
    let _nobody_listens = writeln!(std::io::stderr().lock(), "{line}");
}
