//! Python's requests, with a session's pool.

use harness::{at, gate, software::python};

use super::{idle_of, nginx, nginx::SHORT};
use crate::{agent, gate::require};

/// Two requests, 0.3 s of idleness, close. Prints how long the idleness lasted.
const CLIENT: &str = "
import sys, time, requests
session = requests.Session()
session.trust_env = False
for _ in range(2):
    asked = time.monotonic()
    assert session.get(sys.argv[1]).text == 'hi'
    ended = time.monotonic()
time.sleep(0.3)
closing = time.monotonic()
session.close()
print(closing - ended, closing - asked)
";

#[test]
fn a_session_of_requests_that_is_closed_is_an_idle_close_by_the_client() {
    require!("nginx");
    if gate::python("requests").is_none() {
        return;
    }
    let nginx = nginx(SHORT.0, SHORT.1);
    let agent = agent::watch(&[nginx.at]);
    let idle = idle_of(python::script(CLIENT).arg(nginx.url("/")));
    let closes = agent.closes(2);
    for close in &closes {
        close.says(
            "verdict=client-idle closer=client close_type=fin phase=idle basis=http cause=unknown requests=2",
        );
        close.was_idle_between(idle);
    }
    at(&closes, "client").is_held_by("python3");
    at(&closes, "server").is_held_by("nginx");
}
