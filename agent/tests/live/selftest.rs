//! Every scripted close, played against the live probes and compared with the truth.

use std::{collections::BTreeSet, fs, time::Instant};

use testserver::scenarios;
use whohungup::selftest::{self, Outcome, Table};
use whohungup_bpf::Tier;

use harness::Namespace;

use crate::gate::require;

const SEED: u64 = 20;

/// A run in which the kernel left out an event, of whoever on the host, proves nothing of what is missing in it.
const RUNS: usize = 3;

/// Plays everything until nothing is lost.
fn play(tier: Tier) -> Table {
    for _ in 1..RUNS {
        let table = play_once(tier);
        assert_eq!(table.wrong(), 0);
        if table.lost == 0 {
            return table;
        }
    }
    let table = play_once(tier);
    assert_eq!(table.lost, 0);
    table
}

/// Plays everything once; panics unless every scenario was compared over each of its families.
fn play_once(tier: Tier) -> Table {
    let began = Instant::now();
    let mut compared = BTreeSet::new();
    let table = selftest::run(tier, None, 1, SEED, |checked| {
        compared.insert((checked.scenario, checked.family.clone()));
        if checked.outcome != Outcome::Right {
            eprintln!("{checked:?}");
        }
    })
    .expect("the selftest runs");
    eprintln!("{table}{:.1} s", began.elapsed().as_secs_f64());
    let there: BTreeSet<_> = scenarios()
        .iter()
        .flat_map(|scenario| scenario.families.iter().map(|family| (scenario.name, family.to_string())))
        .collect();
    assert_eq!(compared, there);
    assert!(table.unplayed().is_empty(), "not played: {:?}", table.unplayed());
    table
}

#[test]
fn reading_http_every_close_is_reported_right_at_both_ends() {
    require!();
    let table = play(Tier::Http);
    assert_eq!((table.wrong(), table.unknown()), (0, 0));
    // The kernel may leave a program's run out, rarely; a close that is missing again when played again is wrong.
    assert_eq!(table.right() + table.unseen(), table.closes());
    assert!(table.passed());
}

#[test]
fn without_reading_http_no_close_is_reported_wrong_with_confidence() {
    require!();
    let table = play(Tier::Lifecycle);
    assert_eq!(table.wrong(), 0);
    // Doubt must stay the exception: a table of guesses would pass the line above as well.
    assert!(table.right() * 2 > table.closes(), "{} right of {}", table.right(), table.closes());
}

/// Without a time-wait socket a late request meets the listener, and only its addresses say whose it was.
#[test]
fn a_request_that_meets_a_listener_instead_of_a_time_wait_socket_is_still_a_race() {
    require!("ip");
    let namespace = Namespace::make();
    let table = namespace.within(|| {
        fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0").expect("leave no room");
        selftest::run(Tier::Http, Some("race-stale"), 1, SEED, |_| {}).expect("the selftest runs")
    });
    assert_eq!((table.right(), table.closes()), (4, 4), "{table}");
}
