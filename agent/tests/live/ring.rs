//! A ring buffer that is too small: records are lost, and the agent says so.

use std::thread;

use harness::{Close, Ended};

use crate::{
    agent,
    gate::require,
    peer::{Dialled, HOST, listen},
};

#[test]
fn a_burst_that_overflows_the_ring_is_survived_and_reported() {
    require!();
    let agent = agent::start(&["watch", "--json", "--ring-bytes", "4096"]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let listener = listen();
                for _ in 0..200 {
                    Dialled::to(&listener).exchange();
                }
            });
        }
    });
    let ended = agent.interrupt().and_then(Ended::success).expect("a good end");
    for close in ended.stdout.iter().map(|line| Close::parse(line).expect("a close")).filter(is_ours) {
        // Without all of its records a close may be reported with doubt, not wrong.
        let doubts = close.word("confidence") == "probable";
        assert!(close.word("verdict") == "completed" || doubts, "{close:?}");
    }
    let lost = ended.stderr.lines().find_map(|line| {
        line.strip_prefix("whohungup: lost ")?
            .strip_suffix(" events: ring buffer full; increase --ring-bytes")
    });
    let lost: u64 = lost.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{}", ended.stderr));
    assert!(lost > 0 && !ended.stderr.contains("panicked"), "{}", ended.stderr);
}

fn is_ours(close: &Close) -> bool {
    [close.local, close.remote].iter().any(|end| end.ip() == HOST)
}
