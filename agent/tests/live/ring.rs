//! A ring buffer that is too small: records are lost, and the agent says so.

use std::{net::TcpListener, thread};

use crate::{
    agent::Agent,
    close::Close,
    gate,
    peer::{ANYWHERE, Dialled},
};

#[test]
fn a_burst_that_overflows_the_ring_is_survived_and_told() {
    if !gate::can_observe() {
        return;
    }
    let agent = Agent::start(&["watch", "--json", "--ring-bytes", "4096"]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let listener = TcpListener::bind(ANYWHERE).expect("bind");
                for _ in 0..200 {
                    Dialled::to(&listener).exchange();
                }
            });
        }
    });
    let ended = agent.interrupt();
    assert!(ended.status.success(), "{ended:?}");
    for close in ended.stdout.iter().map(|line| Close::parse(line)).filter(is_ours) {
        // Without all of its records a close may be told with doubt, not wrong.
        let doubts = close.word("confidence") == "probable";
        assert!(close.word("verdict") == "completed" || doubts, "{close:?}");
    }
    let lost = ended.stderr.lines().find_map(|line| {
        line.strip_prefix("whohungup: ")?.strip_suffix(" records were lost; a larger --ring-bytes holds more")
    });
    let lost: u64 = lost.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{}", ended.stderr));
    assert!(lost > 0 && !ended.stderr.contains("panicked"), "{}", ended.stderr);
}

fn is_ours(close: &Close) -> bool {
    let address = format!("{}:", ANYWHERE.ip());
    [close.word("local"), close.word("remote")].iter().any(|end| end.starts_with(&address))
}
