//! Python's requests, with a session's pool.

use std::{path::Path, process::Command};

use super::{nginx::Nginx, run};
use crate::{agent::Agent, close::at, gate};

/// The system's own: others on PATH may lack the library.
const PYTHON: &str = "/usr/bin/python3";

/// Two requests, 0.3 s of idleness, close. Prints how long the idleness lasted.
const CLIENT: &str = "
import sys, time, requests
session = requests.Session()
session.trust_env = False
for _ in range(2):
    assert session.get(sys.argv[1]).text == 'hi'
    ended = time.monotonic()
time.sleep(0.3)
closing = time.monotonic()
session.close()
print(closing - ended)
";

#[test]
fn a_session_of_requests_that_is_closed_is_an_idle_close_by_the_client() {
    if !gate::can_observe() || !has_requests() {
        return;
    }
    let Some(nginx) = Nginx::start() else { return };
    let agent = Agent::watch(nginx.server.at);
    let url = format!("http://{}/", nginx.server.at);
    let idle = run(Command::new(PYTHON).args(["-c", CLIENT, &url]));
    let idle: f64 = idle.trim().parse().unwrap_or_else(|error| panic!("python says {idle:?}: {error}"));
    let closes = agent.closes(2);
    for close in &closes {
        close.says(&[
            ("verdict", "client-idle"),
            ("closer", "client"),
            ("how", "fin"),
            ("phase", "idle"),
            ("basis", "http"),
            ("cause", "unknown"),
        ]);
        assert_eq!(close.value("/requests"), 2, "both on one connection: {close:?}");
        close.was_idle_for(idle);
    }
    at(&closes, "client").is_held_by("python3");
    at(&closes, "server").is_held_by("nginx");
}

fn has_requests() -> bool {
    if !Path::new(PYTHON).is_file() {
        return gate::skip(&format_args!("{PYTHON} is not installed"));
    }
    let found = Command::new(PYTHON).args(["-c", "import requests"]).output().expect("run python");
    found.status.success() || gate::skip(&"the Python library requests is not installed")
}
