//! nginx with one worker.

use std::{fmt::Write as _, fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::{Server, installed, scratch};

/// In the foreground, with its messages on stderr.
pub fn in_foreground(mut program: Command, prefix: &Path, configuration: &Path) -> Command {
    program.args(["-e", "stderr", "-p"]).arg(prefix).arg("-c").arg(configuration);
    program
}

/// Listens at `at` and does at `/` what `location` says.
pub fn answering(at: SocketAddr, directives: &str, location: &str) -> Result<Server> {
    start(at, scratch()?, "", &format!("{directives} server {{ listen {at}; location / {{ {location} }} }}"))
}

/// With the directives of the file's top and of `http`; files are named from `prefix`.
pub fn start(at: SocketAddr, prefix: TempDir, top: &str, http: &str) -> Result<Server> {
    let mut text = format!(
        "daemon off; user root; worker_processes 1; pid pid; error_log stderr;\n{top}\n\
         events {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\n"
    );
    for of in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(text, "{of}_temp_path {of};")?;
    }
    writeln!(text, "{http}\n}}")?;
    let configuration = prefix.path().join("nginx.conf");
    fs::write(&configuration, text).context("write nginx.conf")?;
    let command = in_foreground(Command::new(installed("nginx")?), prefix.path(), &configuration);
    Server::start(command, at, prefix)
}
