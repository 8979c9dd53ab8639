//! Python, as the system has it: others on PATH may lack libraries, or have OpenSSL built in.

use std::process::Command;

pub const PYTHON: &str = "/usr/bin/python3";

pub fn script(text: &str) -> Command {
    let mut command = Command::new(PYTHON);
    command.args(["-c", text]);
    command
}
