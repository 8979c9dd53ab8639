//! The table: counts, bounds, and what hostile values do to it.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::*;
use crate::identity::Comm;
use crate::{
    close::KeepAlive,
    endpoint::{
        Endpoint, Risk,
        sample::{
            SECOND, TICK, announced, at_port, fed, idle, in_flight, name, only, raced, requests, reuse,
        },
        state::MOST_BYTES,
    },
    identity::Process,
    labels::{Cause, Closer, Phase, Race, Role, Side, Verdict},
};

fn limited(endpoints: usize) -> Endpoints {
    Endpoints::new(InferLimits { endpoints, ..InferLimits::default() }, TICK)
}

#[test]
fn a_tick_that_is_none_is_replaced_by_the_usual_one() {
    for tick in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        assert!((Endpoints::new(InferLimits::default(), tick).tick - USUAL_TICK).abs() < f64::EPSILON);
    }
}

#[test]
fn closes_are_counted_by_endpoint() {
    let mut endpoints = fed([idle(Side::Server, 5.0), idle(Side::Client, 2.0), raced(Race::Stale, 5.0)]);
    endpoints.progress(&reuse(1.0), SECOND);
    let mut said = idle(Side::Server, 5.0);
    said.server = Some("nginx".to_owned());
    said.keep_alive = Some(KeepAlive { timeout: Some(5), max: None });
    endpoints.close(&mut said, false);
    let endpoint = only(&endpoints);
    let key =
        EndpointKey { role: Role::Server, server_port: Some(8080), process: name("node"), workload: None };
    assert_eq!(endpoint.key, key);
    assert_eq!((endpoint.closes, endpoint.started, endpoint.reused, endpoint.lost), (4, 13, 9, 1));
    assert_eq!(
        endpoint.verdicts,
        [(Verdict::ServerIdle, 2), (Verdict::ClientIdle, 1), (Verdict::IdleRace, 1)]
    );
    assert_eq!(endpoint.races, [(Race::Stale, 1)]);
    assert_eq!((endpoint.server.as_deref(), endpoint.announced), (Some("nginx"), Some(5)));
    assert_eq!(endpoint.gaps.count, 10, "two short ones of each close, the long one, and the lost one's");
}

#[test]
fn an_amendment_moves_the_verdict_and_does_not_count_the_close_or_its_timer_again() {
    let mut endpoints = fed([5.0, 5.0, 5.0].map(|seconds| idle(Side::Server, seconds)));
    let mut late = raced(Race::Stale, 5.0);
    (late.amends, late.requests) = (true, None);
    endpoints.close(&mut late, false);
    assert_eq!(late.cause, Cause::KeepaliveTimer);
    let endpoint = only(&endpoints);
    assert_eq!(endpoint.verdicts, [(Verdict::ServerIdle, 2), (Verdict::IdleRace, 1)]);
    assert_eq!((endpoint.closes, endpoint.lost, endpoint.timers[0].count), (3, 1, 3));
    assert_eq!(endpoint.causes.iter().map(|&(_, count)| count).sum::<u64>(), 3);
}

#[test]
fn endpoints_over_the_limit_are_counted_together_and_nothing_is_inferred_of_them() {
    let mut endpoints = limited(16);
    for round in 0..10 {
        for port in 1..=2000 {
            endpoints.close(&mut at_port(port, idle(Side::Server, 5.0 + f64::from(round) * 1e-3)), false);
        }
    }
    let all = endpoints.endpoints();
    let totals = endpoints.totals();
    assert_eq!((all.len(), totals.endpoints, totals.limit, totals.over), (17, 16, 16, 19_840));
    assert_eq!(all.iter().map(|endpoint| endpoint.closes).sum::<u64>(), 20_000);
    let other = all.iter().find(|endpoint| endpoint.key.process == "other").expect("one");
    assert_eq!((other.closes, other.timers.len(), other.risk), (19_840, 0, Risk::Unknown));
    assert!(all.iter().filter(|endpoint| endpoint.key.process != "other").all(|one| one.timers.len() == 1));
}

#[test]
fn a_scan_does_not_lock_out_endpoints_that_come_later() {
    let mut endpoints = limited(16);
    let at = |seconds: u64, port, mut closed: ClosedConnection| {
        closed.at_ns = seconds * SECOND;
        at_port(port, closed)
    };
    for second in 0..3 {
        endpoints.close(&mut at(second, 1, idle(Side::Server, 5.0)), false);
    }
    for port in 1000..3000 {
        endpoints.close(&mut at(3, port, idle(Side::Client, 0.0)), false);
    }
    assert_eq!((endpoints.totals().over, endpoints.totals().evicted), (1985, 0));
    for round in 0..3 {
        endpoints.close(&mut at(63 + round, 80, idle(Side::Server, 5.0)), false);
    }
    let all = endpoints.endpoints();
    let timers = |port| all.iter().find(|one| one.key.server_port == Some(port)).map(|one| one.timers.len());
    assert_eq!((timers(1), timers(80)), (Some(1), Some(1)));
    assert_eq!((endpoints.totals().over, endpoints.totals().evicted), (1986, 1));
    assert_eq!(all.iter().map(|one| one.closes).sum::<u64>(), 2006, "none is lost");
}

fn refused(port: u16) -> ClosedConnection {
    let mut closed = at_port(port, in_flight(Side::Server, Phase::Connecting, 0.0, 0.0));
    closed.ends = closed.ends.turned();
    (closed.role, closed.verdict, closed.cause) = (Role::Client, Verdict::ConnectFailed, Cause::Refused);
    ClosedConnection { uncounted: None, requests: None, ..closed }
}

#[test]
fn failed_connects_give_up_their_places_at_once() {
    let mut endpoints = limited(16);
    for _ in 0..5 {
        for port in 1..=900 {
            endpoints.close(&mut refused(port), false);
        }
    }
    assert_eq!(endpoints.totals().endpoints, 16);
    for port in 2000..2016 {
        for _ in 0..3 {
            endpoints.close(&mut at_port(port, idle(Side::Server, 5.0)), false);
        }
    }
    let all = endpoints.endpoints();
    let with_timers = all.iter().filter(|one| one.timers.len() == 1).count();
    assert_eq!((with_timers, endpoints.totals().evicted), (16, 16));
    assert_eq!(endpoints.totals().beyond, 900);
    assert_eq!(endpoints.lost_requests().totals().requests, 4500);
    assert_eq!(crate::advice::losses_of(&all.iter()).requests, 4500, "none is lost from the report");
}

#[test]
fn an_endpoint_that_loses_requests_has_a_place_of_its_own() {
    let mut endpoints = limited(16);
    for port in 1..=16 {
        for _ in 0..3 {
            endpoints.close(&mut at_port(port, idle(Side::Server, 5.0)), false);
        }
    }
    endpoints.close(&mut at_port(80, in_flight(Side::Server, Phase::Waiting, 1.0, 1.0)), false);
    let all = endpoints.endpoints();
    let has = |port| all.iter().any(|one| one.key.server_port == Some(port));
    assert!(has(80) && !has(1) && has(16), "the one that was not seen for longest made room");
    for port in 100..200 {
        endpoints.close(&mut at_port(port, raced(Race::Crossed, 5.0)), false);
    }
    let all = endpoints.endpoints();
    assert!(all.iter().any(|one| one.key.server_port == Some(80)), "one that loses itself makes no room");
}

#[test]
fn endpoints_that_are_not_seen_any_more_make_room() {
    let mut endpoints = limited(2);
    for (port, at) in [(1, 1), (2, 3000)] {
        let mut closed = at_port(port, idle(Side::Server, 5.0));
        closed.at_ns = at * SECOND;
        endpoints.close(&mut closed, false);
    }
    endpoints.expire(3600 * SECOND);
    assert_eq!(endpoints.totals().expired, 0);
    endpoints.expire(3602 * SECOND);
    let totals = endpoints.totals();
    assert_eq!((totals.endpoints, totals.expired), (1, 1));
    endpoints.close(&mut at_port(3, idle(Side::Server, 5.0)), false);
    assert_eq!((endpoints.totals().endpoints, endpoints.totals().over), (2, 0));
}

#[test]
fn the_worst_come_first_then_those_with_the_most_closes() {
    let mut endpoints = fed([]);
    for (port, closes) in [(1, 2), (2, 9), (3, 1)] {
        for _ in 0..closes {
            endpoints.close(&mut at_port(port, in_flight(Side::Client, Phase::Waiting, 1.0, 1.0)), false);
        }
    }
    endpoints.close(&mut at_port(4, raced(Race::Crossed, 5.0)), false);
    let ports: Vec<_> = endpoints.endpoints().iter().map(|one| one.key.server_port).collect();
    assert_eq!(ports, [Some(4), Some(2), Some(1), Some(3)]);
}

#[test]
fn a_program_is_asked_for_a_few_times_and_kept_in_bounds() {
    let closed = idle(Side::Server, 5.0);
    let mut endpoints = fed([closed.clone()]);
    let asked: Vec<_> = (0..5).map(|_| endpoints.unknown_program(&closed)).collect();
    assert_eq!(asked, [Some(7), Some(7), Some(7), None, None]);
    let mut endpoints = fed([closed.clone()]);
    let long = Program {
        executable: Some("é".repeat(500)),
        runtime: Some("node".to_owned()),
        words: vec!["w".repeat(500); 500],
        depends: vec!["d".repeat(500); 500],
    };
    endpoints.know(&EndpointKey::of_close(&closed), long);
    assert_eq!(endpoints.unknown_program(&closed), None);
    let program = only(&endpoints).program.expect("known");
    assert_eq!(program.runtime.as_deref(), Some("node"));
    assert!(program.executable.is_some_and(|text| text.len() <= 40) && program.words.len() <= 6);
    assert!(program.depends.is_empty(), "what it runs comes first");
}

#[test]
fn what_lies_behind_the_end_of_a_name_makes_no_other_endpoint() {
    let mut one = idle(Side::Server, 5.0);
    let mut raw = [0; 16];
    raw[..4].copy_from_slice(b"node");
    raw[9] = b'x';
    let comm = Comm::new(raw);
    one.process = Some(Process { pid: None, comm });
    only(&fed([one, idle(Side::Server, 5.0)]));
}

#[test]
fn a_race_that_was_made_good_is_counted() {
    let closed = raced(Race::Crossed, 5.0);
    let retried = ClosedConnection { retried: Some(true), ..closed.clone() };
    assert_eq!(only(&fed([closed, retried])).retried, 1);
}

/// Something of everything, hostile numbers included.
fn anything(rng: &mut Rng) -> ClosedConnection {
    let number = |rng: &mut Rng| match rng.u8(0..12) {
        0 => None,
        1 => Some(f64::NAN),
        2 => Some(f64::INFINITY),
        3 => Some(f64::NEG_INFINITY),
        4 => Some(-5.0),
        5 => Some(0.0),
        6 => Some(f64::MAX),
        7 => Some(f64::MIN_POSITIVE),
        8 => Some(1e9 * rng.f64()),
        9 => Some(5.0),
        _ => Some(100.0 * rng.f64()),
    };
    let mut closed = idle(Side::Server, 1.0);
    closed.at_ns = if rng.u8(0..9) == 0 { u64::MAX } else { rng.u64(..) };
    closed.closer = Closer::ALL[rng.usize(0..Closer::ALL.len())];
    closed.phase = Phase::ALL[rng.usize(0..Phase::ALL.len())];
    closed.verdict = Verdict::ALL[rng.usize(0..Verdict::ALL.len())];
    closed.cause = if rng.bool() { Cause::Unknown } else { Cause::ALL[rng.usize(0..Cause::ALL.len())] };
    closed.race = if rng.bool() { None } else { Some(Race::ALL[rng.usize(0..Race::ALL.len())]) };
    (closed.age, closed.idle, closed.silent) = (number(rng), number(rng), number(rng));
    (closed.request, closed.reuse_gap) = (number(rng), number(rng));
    closed.requests = if rng.bool() { Some(rng.u32(..)) } else { Some(rng.u32(0..3)) };
    closed.server = Some("ü".repeat(rng.usize(0..300)));
    closed.amends = rng.u8(0..5) == 0;
    closed.uncounted = rng.bool().then(|| requests(rng.u32(0..9), rng.u32(0..9), number(rng)));
    closed
}

#[test]
fn hostile_values_are_survived_within_the_memory_that_is_promised_and_leave_finite_numbers() {
    for seed in 0..40 {
        let mut rng = Rng::with_seed(seed);
        let mut endpoints = limited(1);
        for at in 0..1500_u64 {
            let mut closed = anything(&mut rng);
            let known = closed.cause;
            endpoints.close(&mut closed, true);
            assert!(matches!(known, Cause::Unknown | Cause::Announced) || closed.cause == known);
            if at % 50 == 0 {
                endpoints.expire(rng.u64(0..u64::MAX / 2));
                let words = vec!["x".repeat(at as usize); 20];
                let program = Program { executable: Some("y".repeat(300)), words, ..Program::default() };
                endpoints.know(&EndpointKey::of_close(&closed), program);
            }
        }
        for endpoint in endpoints.endpoints() {
            let text = serde_json::to_string(&endpoint).expect("JSON");
            let back: Endpoint = serde_json::from_str(&text).expect("numbers, and no null for one");
            assert_eq!(back.timers.len(), endpoint.timers.len());
            for timer in &endpoint.timers {
                assert!(timer.least <= timer.most && (0.0..=1.0).contains(&timer.share), "{timer:?}");
                assert!(timer.bins.iter().map(|&n| u64::from(n)).sum::<u64>() == timer.count, "{timer:?}");
            }
        }
    }
}

#[test]
fn an_endpoint_filled_with_everything_stays_within_its_bound() {
    let mut endpoints = limited(1);
    let mut most = 0;
    for round in 0..300 {
        let seconds = 1.0 + f64::from(round % 7) * 10.0;
        for side in [Side::Client, Side::Server] {
            for phase in [Phase::RequestHead, Phase::RequestBody, Phase::Waiting, Phase::Response] {
                endpoints.close(&mut in_flight(side, phase, seconds, seconds / 2.0), false);
            }
            endpoints.close(&mut idle(side, seconds), false);
        }
        let mut said = announced(round, seconds);
        said.server = Some("s".repeat(1000));
        endpoints.close(&mut said, false);
        endpoints.progress(&reuse(seconds), SECOND);
        let program = Program {
            executable: Some("e".repeat(1000)),
            runtime: Some("r".repeat(1000)),
            words: vec!["w".repeat(1000); 100],
            depends: vec!["d".repeat(1000); 100],
        };
        endpoints.know(&EndpointKey::of_close(&said), program);
        most = most.max(endpoints.table.values().map(|entry| entry.state.bytes()).max().unwrap_or(0));
    }
    println!("{most} bytes, at most {MOST_BYTES}");
    assert!(most <= MOST_BYTES && MOST_BYTES <= 5 * 1024, "{most} bytes, at most {MOST_BYTES}");
    assert!(most > MOST_BYTES * 9 / 10, "it was not filled: {most} of {MOST_BYTES}");
}

#[test]
fn a_close_in_the_steady_state_is_cheap_and_takes_no_more_memory() {
    let mut rng = Rng::with_seed(1);
    let mut closed = idle(Side::Server, 5.0);
    let mut endpoints = fed([closed.clone()]);
    let mut feed = |closes: u32, endpoints: &mut Endpoints| {
        let began = Instant::now();
        for _ in 0..closes {
            closed.idle = Some(if rng.bool() { 5.0 } else { 100.0 * rng.f64() });
            closed.cause = Cause::Unknown;
            closed.at_ns += 10_000_000;
            endpoints.close(&mut closed, false);
        }
        began.elapsed() / closes
    };
    feed(2000, &mut endpoints);
    let before = endpoints.totals().bytes;
    let each = feed(20_000, &mut endpoints);
    println!("{each:?} a close");
    assert_eq!(endpoints.totals().bytes, before);
    // Unoptimized and on a busy machine; a list of closes or a sort of them would be far beyond it.
    assert!(each < Duration::from_micros(500), "{each:?} a close");
}
