//! Every scenario runs, and says the same of the same seed.

use std::collections::HashMap;
use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use testserver::{End, Family, Needs, PlayError, Scenario, Truth, scenario, scenarios};

fn play(scenario: &Scenario, family: Family, seed: u64) -> Vec<Truth> {
    match scenario.play(family, seed) {
        Ok(truths) => truths,
        Err(error) => panic!("{} over {family}, seed {seed}: {error}", scenario.name),
    }
}

/// The rows without what differs from run to run.
fn planned(mut truths: Vec<Truth>) -> String {
    for truth in &mut truths {
        truth.measured = None;
    }
    serde_json::to_string(&truths).expect("rows are plain data")
}

/// Checks what must hold between the rows of any play.
fn assert_coherent(scenario: &Scenario, truths: &[Truth]) {
    assert!(!truths.is_empty(), "{} says nothing", scenario.name);
    let mut connections: HashMap<_, Vec<&Truth>> = HashMap::new();
    for truth in truths {
        let measured = truth.measured.as_ref().expect("a play is measured");
        let connection = match truth.end {
            End::Client => (measured.local, measured.remote),
            End::Server => (measured.remote, measured.local),
        };
        connections.entry(connection).or_default().push(truth);
        assert_clocks(truth);
    }
    for (connection, rows) in connections {
        match rows.as_slice() {
            // A connection that was never made has one end, and what a lost network did is known to one.
            [only] => assert!(["connect-failed", "network"].contains(&only.expect.verdict), "{connection:?}"),
            [one, other] => assert_ne!(one.end, other.end, "{connection:?}"),
            _ => panic!("{}: {} rows for {connection:?}", scenario.name, rows.len()),
        }
    }
}

/// Checks that what was measured is what was planned, and a busy machine's delay.
fn assert_clocks(truth: &Truth) {
    let measured = truth.measured.as_ref().expect("a play is measured");
    let clock = truth.expect.clock;
    for (planned, seconds) in [
        (clock.idle_ms, measured.idle_seconds),
        (clock.silent_ms, measured.silent_seconds),
        (clock.request_ms, measured.request_seconds),
    ] {
        let Some(planned) = planned else { continue };
        let late = seconds.expect("a planned clock is measured") * 1e3 - f64::from(planned);
        assert!((-1.0..200.0).contains(&late), "{late} ms late: {truth:?}");
    }
    if truth.expect.in_flight == Some(0) && truth.expect.phase == "idle" {
        assert!(measured.idle_seconds.is_some() && measured.request_seconds.is_none(), "{truth:?}");
    }
    if truth.expect.in_flight == Some(1) {
        assert!(measured.idle_seconds.is_none() && measured.request_seconds.is_some(), "{truth:?}");
    }
}

/// Plays these over all their families, a few at a time: most of the time of each is spent asleep.
fn play_all(chosen: &[&'static Scenario], check: impl Fn(&'static Scenario, Family) + Sync) {
    let turns: Vec<_> = chosen
        .iter()
        .flat_map(|scenario| scenario.families.iter().map(|family| (*scenario, *family)))
        .collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((scenario, family)) = turns.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(scenario, *family);
                }
            });
        }
    });
}

#[test]
fn scenarios_that_need_nothing_are_coherent() {
    let chosen: Vec<_> = scenarios().iter().filter(|scenario| scenario.needs == Needs::Nothing).collect();
    play_all(&chosen, |scenario, family| assert_coherent(scenario, &play(scenario, family, 11)));
}

#[test]
fn scenarios_that_need_root_are_coherent() {
    let required = env::var_os("CI").is_some_and(|ci| ci == "true");
    let chosen: Vec<_> = scenarios().iter().filter(|scenario| scenario.needs == Needs::NetAdmin).collect();
    play_all(&chosen, |scenario, family| match scenario.play(family, 11) {
        Ok(truths) => assert_coherent(scenario, &truths),
        Err(reason @ PlayError::Missing { .. }) if !required => {
            eprintln!("skipped {}: {reason}", scenario.name);
        }
        Err(error) => panic!("{} over {family}: {error}", scenario.name),
    });
}

#[test]
fn one_seed_expects_one_thing() {
    for name in ["client-idle", "max-requests", "truncated-client", "noise-tls-close-notify", "race-unread"] {
        let scenario = scenario(name).unwrap();
        let first = planned(play(scenario, Family::V4, 5));
        assert_eq!(first, planned(play(scenario, Family::V4, 5)), "{name}");
    }
}

#[test]
fn seeds_differ() {
    let scenario = scenario("server-idle").unwrap();
    let plans: Vec<_> = (1..=3).map(|seed| planned(play(scenario, Family::V6, seed))).collect();
    assert!(plans[0] != plans[1] || plans[1] != plans[2]);
}

#[test]
fn a_family_without_a_script_is_refused() {
    let relayed = scenario("race-crossed").unwrap();
    assert!(matches!(relayed.play(Family::V6, 1), Err(PlayError::Family { .. })));
}
