//! nginx with one worker and a short keep-alive.

use std::{fs, process::Command};

use tempfile::TempDir;

use super::{Server, assert_idle_close_is_told, free_address};
use crate::gate;

/// nginx with a prefix of its own; `/` answers at once.
pub(crate) struct Nginx {
    pub(crate) server: Server,
    _prefix: TempDir,
}

impl Nginx {
    /// `None` when it is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::with("keepalive_timeout 1s;", "return 200 hi;")
    }

    /// With directives of its own, and what `/` does.
    pub(crate) fn with(directives: &str, location: &str) -> Option<Self> {
        let program = gate::program("nginx")?;
        let prefix = tempfile::tempdir().expect("temporary directory");
        let at = free_address();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|of| format!("{of}_temp_path {of};\n"))
            .concat();
        let configuration = format!(
            "daemon off; user root; worker_processes 1; pid pid; error_log stderr;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n\
             access_log off; {directives}\n{temporary}\
             server {{ listen {at}; location / {{ {location} }} }}\n\
             }}\n"
        );
        fs::write(prefix.path().join("nginx.conf"), configuration).expect("write");
        let mut command = Command::new(program);
        command.arg("-p").arg(prefix.path()).args(["-e", "stderr", "-c", "nginx.conf"]);
        Some(Self { server: Server::start(&mut command, at), _prefix: prefix })
    }
}

#[test]
fn the_keepalive_timeout_of_nginx_is_an_idle_close_by_the_server() {
    if !gate::can_observe() {
        return;
    }
    let Some(nginx) = Nginx::start() else { return };
    assert_idle_close_is_told(nginx.server.at, 0.95..1.5, "nginx");
}
