//! Which closes prove a cause together, and which do not.

use fastrand::Rng;

use crate::{
    close::ClosedConnection,
    endpoint::sample::{TICK, announced, causes, fed, idle, in_flight, only, raced},
    labels::{Cause, Clock, Closer, Phase, Protocol, Race, Side, Verdict},
};

fn newest(reports: impl IntoIterator<Item = ClosedConnection>) -> Cause {
    let mut endpoints = fed([]);
    *causes(&mut endpoints, reports).last().expect("a close")
}

#[test]
fn the_third_idle_close_after_the_same_time_has_the_keep_alive_timer_as_its_cause() {
    for side in [Side::Client, Side::Server] {
        let closes = [5.0, 5.004, 4.996, 5.0].map(|seconds| idle(side, seconds));
        let all = causes(&mut fed([]), closes);
        assert_eq!(
            all,
            [Cause::Unknown, Cause::Unknown, Cause::KeepaliveTimer, Cause::KeepaliveTimer],
            "{side}"
        );
    }
}

#[test]
fn a_close_after_another_time_has_not() {
    let closes = [5.0, 5.0, 5.0, 5.0, 3.1].map(|seconds| idle(Side::Server, seconds));
    assert_eq!(newest(closes), Cause::Unknown);
}

#[test]
fn the_evidence_tells_the_closes_that_prove_it() {
    let mut endpoints = fed([5.0, 5.004].map(|seconds| idle(Side::Server, seconds)));
    let mut closed = idle(Side::Server, 4.996);
    endpoints.close(&mut closed, true);
    let said = "3 closes by the server so far came 4.996 to 5.004 s after the last response";
    assert_eq!(closed.evidence, [said]);
}

#[test]
fn connections_that_end_at_the_same_moment_show_no_timer() {
    // A process that dies elsewhere takes those with it that were used together.
    let closes = (0..20_u32).map(|at| {
        let mut closed = idle(Side::Server, 5.0 + 0.001 * f64::from(at));
        closed.at_ns = 7_000_000_000 + 5_000 * u64::from(at);
        closed
    });
    let endpoints = fed(closes);
    assert!(only(&endpoints).timers.is_empty());
    assert_eq!(only(&endpoints).closes, 20);
}

#[test]
fn crossing_fins_count_for_both_sides() {
    let both = || {
        let mut closed = idle(Side::Server, 30.0);
        closed.closer = Closer::Both;
        closed
    };
    let sides: Vec<Side> =
        only(&fed([both(), both(), both()])).timers.iter().map(|timer| timer.side).collect();
    assert_eq!(sides.len(), 2, "{sides:?}");
    assert_ne!(sides[0], sides[1]);
}

#[test]
fn connections_never_used_are_closed_by_a_timer_since_they_were_made() {
    let unused = || {
        let mut closed = idle(Side::Server, 0.0);
        closed.phase = Phase::Unused;
        (closed.idle, closed.age) = (None, Some(60.0));
        closed
    };
    let endpoints = fed([unused(), unused()]);
    assert_eq!(newest([unused(), unused(), unused()]), Cause::KeepaliveTimer);
    assert!(only(&endpoints).timers.is_empty(), "two are none");
}

#[test]
fn closes_with_a_cause_of_their_own_make_no_timer() {
    for cause in [
        Cause::ProcessExit,
        Cause::ProcessKilled,
        Cause::OomKilled,
        Cause::Shutdown,
        Cause::SockDestroy,
        Cause::PoolEvict,
        Cause::Announced,
        Cause::H2Goaway,
    ] {
        let ended = || {
            let mut closed = idle(Side::Server, 5.0);
            closed.cause = cause;
            closed
        };
        let mut endpoints = fed([]);
        let all = causes(&mut endpoints, std::iter::repeat_with(ended).take(10));
        assert!(all.iter().all(|left| *left == cause), "{cause}: {all:?}");
        assert!(only(&endpoints).timers.is_empty(), "{cause}");
    }
}

#[test]
fn a_reset_is_only_the_means_and_its_cause_stays() {
    let mut endpoints = fed([]);
    let reset = || {
        let mut closed = idle(Side::Client, 5.0);
        closed.cause = Cause::LingerZero;
        closed
    };
    let all = causes(&mut endpoints, std::iter::repeat_with(reset).take(5));
    assert_eq!(all, [Cause::LingerZero; 5]);
    assert_eq!(only(&endpoints).timers[0].count, 5);
}

/// MariaDB's wait_timeout.
#[test]
fn a_database_that_resets_idle_sessions_after_the_same_time_has_a_timer() {
    let mut endpoints = fed([]);
    let reset = || {
        let mut closed = idle(Side::Server, 5.0);
        (closed.cause, closed.protocol) = (Cause::LingerZero, Some(Protocol::Mysql));
        closed
    };
    let all = causes(&mut endpoints, std::iter::repeat_with(reset).take(5));
    assert_eq!(all[..2], [Cause::LingerZero; 2]);
    assert_eq!(all[2..], [Cause::KeepaliveTimer; 3]);
}

/// Closes by `side` in `phase`; `request` and `silent` come for each from `clocks`.
fn hung_up(side: Side, phase: Phase, mut clocks: impl FnMut(&mut Rng) -> (f64, f64)) -> (Vec<Clock>, Cause) {
    let mut rng = Rng::with_seed(3);
    let mut endpoints = fed([]);
    let closes = std::iter::repeat_with(|| {
        let (request, silent) = clocks(&mut rng);
        in_flight(side, phase, request, silent)
    });
    let cause = *causes(&mut endpoints, closes.take(12)).last().expect("closes");
    let mut clocks: Vec<Clock> = only(&endpoints).timers.iter().map(|timer| timer.clock).collect();
    clocks.sort_unstable();
    (clocks, cause)
}

#[test]
fn a_body_that_stalls_after_a_while_has_a_stall_timer() {
    let stalled = |rng: &mut Rng| (30.0 + 20.0 * rng.f64(), 30.0 + TICK * rng.f64());
    assert_eq!(hung_up(Side::Client, Phase::RequestBody, stalled), (vec![Clock::Silent], Cause::StallTimer));
    // Within the same hundredth, but clearly looser.
    let stalled = |rng: &mut Rng| {
        let moved = 0.5 * rng.f64();
        (30.0 + moved, 30.0 + TICK * rng.f64())
    };
    assert_eq!(hung_up(Side::Server, Phase::RequestBody, stalled), (vec![Clock::Silent], Cause::StallTimer));
}

#[test]
fn a_request_that_moves_and_is_given_up_has_a_request_timeout() {
    let trickled = |rng: &mut Rng| (60.0 + TICK * rng.f64(), 10.0 * rng.f64());
    for phase in [Phase::RequestBody, Phase::Waiting, Phase::Response] {
        let (clocks, cause) = hung_up(Side::Client, phase, trickled);
        assert_eq!((clocks, cause), (vec![Clock::Request], Cause::RequestTimeout), "{phase}");
    }
}

#[test]
fn where_nothing_moved_both_clocks_stay_and_only_a_waiting_client_tells() {
    let still = |rng: &mut Rng| {
        let seconds = 30.0 + TICK * rng.f64();
        (seconds, seconds)
    };
    let both = vec![Clock::Silent, Clock::Request];
    let sorted = hung_up(Side::Client, Phase::Waiting, still);
    assert_eq!(sorted, (both.clone(), Cause::RequestTimeout));
    assert_eq!(hung_up(Side::Client, Phase::RequestBody, still), (both.clone(), Cause::Unknown));
    assert_eq!(hung_up(Side::Server, Phase::Waiting, still), (both, Cause::Unknown));
}

#[test]
fn a_server_that_waits_for_a_head_has_a_head_timer_and_a_client_none() {
    let still = |_: &mut Rng| (60.0, 60.0);
    assert_eq!(hung_up(Side::Server, Phase::RequestHead, still), (vec![Clock::Head], Cause::HeadTimer));
    assert_eq!(hung_up(Side::Client, Phase::RequestHead, still), (vec![], Cause::Unknown));
}

#[test]
fn a_race_shows_the_servers_timer_at_either_end() {
    let seen_by_client = |gap: f64| {
        let mut closed = in_flight(Side::Server, Phase::Waiting, 0.004, 0.004);
        closed.verdict = Verdict::IdleRace;
        (closed.race, closed.reuse_gap) = (Some(Race::Crossed), Some(gap));
        closed
    };
    let mut endpoints = fed([raced(Race::Crossed, 5.0), raced(Race::Stale, 5.004)]);
    assert_eq!(causes(&mut endpoints, [seen_by_client(4.996)]), [Cause::KeepaliveTimer]);
    let timer = &only(&endpoints).timers[0];
    assert_eq!((timer.side, timer.clock, timer.count), (Side::Server, Clock::Idle, 3));
    assert!((timer.seconds - 5.0).abs() < 0.01);
}

#[test]
fn a_clients_own_timer_is_the_clients() {
    let own = || {
        let mut closed = in_flight(Side::Client, Phase::Waiting, 0.0, 0.0);
        closed.verdict = Verdict::IdleRace;
        (closed.race, closed.reuse_gap) = (Some(Race::OwnTimer), Some(4.0));
        closed
    };
    let endpoints = fed([own(), own(), own()]);
    let timer = &only(&endpoints).timers[0];
    assert_eq!((timer.side, timer.phase, timer.clock), (Side::Client, Phase::Idle, Clock::Idle));
}

#[test]
fn a_race_whose_gap_is_not_known_shows_no_timer() {
    let unknown = || {
        let mut closed = in_flight(Side::Server, Phase::Waiting, 0.3, 0.3);
        (closed.verdict, closed.race) = (Verdict::IdleRace, Some(Race::Unread));
        closed
    };
    assert!(only(&fed([unknown(), unknown(), unknown()])).timers.is_empty());
}

#[test]
fn announced_ends_after_equally_many_requests_are_a_limit_of_requests() {
    let closes = [12.0, 30.0, 7.0].map(|age| announced(100, age));
    assert_eq!(newest(closes), Cause::MaxRequests);
}

#[test]
fn ends_that_the_clients_asked_for_show_no_limit_of_the_servers() {
    let closes = [20.0, 90.0, 50.0].map(|age| ClosedConnection { asked_to_end: true, ..announced(100, age) });
    assert_eq!(newest(closes), Cause::Announced);
}

#[test]
fn announced_ends_at_the_same_age_are_a_limit_of_age_and_show_it() {
    let closes = [(40, 3600.0), (37, 3604.0), (52, 3601.0)];
    let closes = closes.map(|(requests, age)| announced(requests, age));
    assert_eq!(newest(closes.clone()), Cause::MaxAge);
    let timer = &only(&fed(closes)).timers[0];
    assert_eq!((timer.side, timer.clock, timer.count), (Side::Server, Clock::Age, 3));
}

#[test]
fn unannounced_ends_right_after_a_response_count_too_and_later_ones_do_not() {
    let prompt = |seconds: f64, age: f64| {
        let mut closed = idle(Side::Server, seconds);
        (closed.requests, closed.age) = (Some(1000), Some(age));
        closed.at_ns *= 100;
        closed
    };
    assert_eq!(newest([prompt(0.0, 50.0), prompt(0.004, 20.0), prompt(0.0, 90.0)]), Cause::MaxRequests);
    assert_eq!(newest([prompt(0.3, 50.0), prompt(0.8, 20.0), prompt(1.7, 90.0)]), Cause::Unknown);
}

#[test]
fn a_goaway_stays_the_cause_of_its_close() {
    let goaway = |age: f64| {
        let mut closed = announced(100, age);
        closed.cause = Cause::H2Goaway;
        closed
    };
    assert_eq!(newest([goaway(3.0), goaway(9.0), goaway(5.0)]), Cause::H2Goaway);
}

#[test]
fn a_tunnel_that_ends_after_the_same_silence_shows_a_timer() {
    let tunnel = |silent: f64| {
        let closed = in_flight(Side::Server, Phase::Tunnel, 0.0, silent);
        ClosedConnection { verdict: Verdict::TunnelEnd, request: None, ..closed }
    };
    let mut endpoints = fed([]);
    let all = causes(&mut endpoints, [1.5, 1.504, 1.5, 1.496].map(tunnel));
    assert_eq!(all[3], Cause::StallTimer);
    let timers = only(&endpoints).timers;
    assert_eq!(
        (timers[0].side, timers[0].phase, timers[0].clock),
        (Side::Server, Phase::Tunnel, Clock::Silent)
    );
    assert!(only(&fed([0.7, 1.5, 3.9, 8.0].map(tunnel))).timers.is_empty());
}
