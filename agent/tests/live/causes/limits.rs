//! Servers that end a connection after so many requests, or at a certain age.

use std::{io::Read as _, net::SocketAddr, thread, time::Duration};

use harness::{Close, all_at};

use crate::{
    agent,
    gate::require,
    peer::{ask, dial, read_message},
    software::nginx,
};

const TIMES: u64 = 4;
const REQUESTS: u64 = 5;

/// Makes requests, each `pause` after the response before it, until the server closes the connection.
fn request_until_closed(at: SocketAddr, pause: Duration) {
    let mut stream = dial(at);
    loop {
        ask(&mut stream);
        let (head, _) = read_message(&mut stream);
        if head.contains("connection: close") {
            break;
        }
        thread::sleep(pause);
    }
    stream.read_to_end(&mut Vec::new()).expect("an orderly end");
}

/// All were announced; what was behind it is known from the third on.
fn are_explained(closes: &[&Close], cause: &str) {
    assert_eq!(closes.len(), TIMES as usize, "{closes:#?}");
    for (at, close) in closes.iter().enumerate() {
        let want = if at < 2 { "announced" } else { cause };
        close.says(&format!("verdict=completed closer=server phase=idle cause={want}"));
    }
}

#[test]
fn a_limit_of_requests_is_reported_from_one_of_age() {
    require!("nginx");
    let counting = nginx(&format!("keepalive_requests {REQUESTS};"), "return 200 hi;");
    let ageing = nginx("keepalive_time 1s;", "return 200 hi;");
    let (counting_at, ageing_at) = (counting.at, ageing.at);
    let agent = agent::watch(&[counting_at, ageing_at]);
    thread::scope(|scope| {
        // Closes of one moment would be one piece of evidence.
        for nth in 0..TIMES {
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(200 * nth));
                request_until_closed(counting_at, Duration::from_millis(20 + 25 * nth));
            });
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(200 * nth));
                request_until_closed(ageing_at, Duration::from_millis(8 + 3 * nth));
            });
        }
    });
    let closes = agent.closes(4 * TIMES as usize);
    for role in ["client", "server"] {
        let (counted, aged) = (all_at(&closes, counting_at, role), all_at(&closes, ageing_at, role));
        are_explained(&counted, "max-requests");
        assert!(counted.iter().all(|close| *close.value("/requests") == REQUESTS), "{counted:#?}");
        counted[2].proves(&["3 closes by the server in a row came after 5 requests"]);
        are_explained(&aged, "max-age");
        aged[2].proves(&["s after the connection was made"]);
    }
}
