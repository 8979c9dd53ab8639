//! curl, one request at a time.

use std::{process::Command, thread, time::Instant};

use harness::{CLOCK_TOLERANCE, at, await_end};

use super::{nginx, nginx::SHORT, run};
use crate::{
    agent,
    gate::require,
    peer::{read_end, read_request},
};

#[test]
fn one_request_of_curl_is_completed() {
    require!("curl", "nginx");
    let nginx = nginx(SHORT.0, SHORT.1);
    for (options, cause) in [(&[][..], "unknown"), (&["-H", "Connection: close"], "announced")] {
        let agent = agent::watch(&[nginx.at]);
        assert_eq!(run(Command::new("curl").arg("-sS").args(options).arg(nginx.url("/"))), "hi");
        let closes = agent.closes(2);
        for close in &closes {
            close.says(&format!("verdict=completed cause={cause} phase=idle"));
            close.says("requests=1");
        }
        // When the end is announced either may be the first; both ends must say the same one.
        let (client, server) = (at(&closes, "client").word("closer"), at(&closes, "server").word("closer"));
        assert_eq!(client, server, "{closes:#?}");
        assert!(client == "client" || cause == "announced", "{closes:#?}");
        at(&closes, "client").is_held_by("curl");
        at(&closes, "server").is_held_by("nginx");
    }
}

#[test]
fn curl_that_gives_up_hangs_up_on_a_request_in_flight() {
    require!("curl");
    let (listener, agent) = agent::watched();
    let url = format!("http://{}/", listener.local_addr().expect("address"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("accept");
        read_request(&mut stream);
        let asked = Instant::now();
        read_end(&mut stream).duration_since(asked).as_secs_f64()
    });
    let mut child = Command::new("curl").args(["-s", "--max-time", "0.4", &url]).spawn().expect("start curl");
    let status = await_end(&mut child).expect("an end");
    assert_eq!(status.code(), Some(28), "curl's code of a timeout");
    let waited = server.join().expect("the server runs");

    let closes = agent.closes(2);
    for close in &closes {
        close.says("verdict=premature-hangup closer=client phase=waiting code=CW in_flight=1 requests=0");
        let request = close.seconds("request_seconds");
        assert!((request - waited).abs() <= CLOCK_TOLERANCE, "{request} s, in truth {waited} s: {close:?}");
    }
    at(&closes, "client").is_held_by("curl");
}
