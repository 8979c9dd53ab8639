//! What timers and gaps mean together.

use crate::{
    close::ClosedConnection,
    endpoint::{
        Endpoints, Headroom, Risk,
        sample::{SECOND, fed, idle, once, only, raced, reuse},
    },
    labels::{Race, Side},
};

/// `count` idle closes by each side after these seconds, evenly mixed.
fn closed(counts: &[(Side, f64, usize)]) -> Vec<ClosedConnection> {
    let most = counts.iter().map(|&(.., count)| count).max().unwrap_or(0);
    let is_due = move |turn: usize, count: usize| (turn + 1) * count / most > turn * count / most;
    let turn = |turn: usize| {
        let due = counts.iter().filter(move |&&(.., count)| is_due(turn, count));
        due.map(|&(side, seconds, _)| idle(side, seconds))
    };
    (0..most).flat_map(turn).collect()
}

fn judged(endpoints: &Endpoints) -> (Risk, Option<Headroom>) {
    let endpoint = only(endpoints);
    (endpoint.risk, endpoint.headroom)
}

#[test]
fn a_server_that_always_closes_first_is_a_mismatch_before_anything_is_lost() {
    let mut endpoints = fed(closed(&[(Side::Server, 5.0, 10)]));
    endpoints.progress(&reuse(1.2), SECOND);
    let (risk, headroom) = judged(&endpoints);
    assert_eq!(risk, Risk::Mismatch);
    let headroom = headroom.expect("known");
    assert!(headroom.open_ended && headroom.seconds <= 0.0, "{headroom:?}");
    assert!((headroom.server - 5.0).abs() < 0.01 && (headroom.client - 5.0).abs() < 0.01);
    assert!((headroom.margin - 0.5).abs() < 0.01, "{headroom:?}");
}

#[test]
fn the_same_server_whose_connections_are_never_used_again_is_no_risk() {
    let endpoints = fed(closed(&[(Side::Server, 5.0, 10)]).into_iter().map(once));
    assert_eq!(judged(&endpoints), (Risk::Unknown, None));
    assert_eq!(only(&endpoints).timers.len(), 1, "its timer is reported all the same");
}

#[test]
fn clients_that_always_close_first_are_safe() {
    assert_eq!(judged(&fed(closed(&[(Side::Client, 4.0, 10)]))), (Risk::Safe, None));
    assert_eq!(judged(&fed(closed(&[(Side::Client, 4.0, 3)]))).0, Risk::Unknown, "too few to tell");
}

#[test]
fn clients_that_close_first_by_far_and_nearly_always_are_safe_with_the_room_that_they_have() {
    let (risk, headroom) = judged(&fed(closed(&[(Side::Client, 4.0, 40), (Side::Server, 75.0, 4)])));
    assert_eq!(risk, Risk::Safe);
    let headroom = headroom.expect("known");
    assert!((headroom.seconds - 71.0).abs() < 0.1 && !headroom.open_ended, "{headroom:?}");
    assert!((headroom.margin - 1.0).abs() < 0.001, "a second at most");
}

#[test]
fn half_of_the_clients_without_a_timer_are_a_mismatch() {
    let endpoints = fed(closed(&[(Side::Client, 4.0, 20), (Side::Server, 75.0, 20)]));
    assert_eq!(judged(&endpoints).0, Risk::Mismatch);
}

#[test]
fn equal_timers_are_a_tie() {
    for client in [29.5, 30.0, 30.4] {
        let endpoints = fed(closed(&[(Side::Client, client, 10), (Side::Server, 30.0, 10)]));
        let (risk, headroom) = judged(&endpoints);
        assert_eq!(risk, Risk::Tie, "{client}");
        assert!(headroom.is_some_and(|headroom| headroom.seconds.abs() <= headroom.margin), "{headroom:?}");
    }
}

#[test]
fn clients_with_a_longer_timer_are_a_mismatch() {
    let (risk, headroom) = judged(&fed(closed(&[(Side::Client, 60.0, 4), (Side::Server, 5.0, 12)])));
    assert_eq!(risk, Risk::Mismatch);
    assert!(headroom.is_some_and(|headroom| (headroom.seconds + 55.0).abs() < 0.1), "{headroom:?}");
}

#[test]
fn a_lost_request_is_reported_whatever_the_timers_say() {
    let mut reports = closed(&[(Side::Client, 4.0, 10)]);
    reports.push(raced(Race::Crossed, 75.0));
    let endpoint = only(&fed(reports));
    assert_eq!((endpoint.risk, endpoint.lost), (Risk::Losing, 1));
    let gap = endpoint.gaps.longest.expect("the lost request's");
    assert!((gap - 75.0).abs() < 0.01);
}

#[test]
fn an_endpoint_that_has_lost_nothing_for_an_hour_is_judged_by_its_timers_again() {
    let mut reports = closed(&[(Side::Client, 4.0, 10)]);
    reports.push(raced(Race::Crossed, 3.9));
    let mut endpoints = fed(reports);
    for (minutes, losing) in [(59, true), (62, false)] {
        let mut later = idle(Side::Client, 4.0);
        later.at_ns += minutes * 60 * SECOND;
        endpoints.close(&mut later, false);
        let endpoint = only(&endpoints);
        assert_eq!((endpoint.risk == Risk::Losing, endpoint.lost), (losing, 1), "{minutes}");
    }
}

#[test]
fn of_several_timers_of_the_server_the_shortest_strong_one_counts() {
    let with = |count| fed(closed(&[(Side::Server, 75.0, 60), (Side::Server, 5.0, count)]));
    let server = |endpoints| judged(&endpoints).1.expect("known").server;
    assert!((server(with(30)) - 5.0).abs() < 0.01);
    assert!((server(with(3)) - 75.0).abs() < 0.01, "five in a hundred are not the rule");
}

#[test]
fn a_server_whose_timer_was_raised_above_the_clients_becomes_safe() {
    let mut reports = closed(&[(Side::Server, 5.0, 200)]);
    reports.extend(closed(&[(Side::Client, 30.0, 80)]));
    assert_eq!(judged(&fed(reports)), (Risk::Safe, None));
}

#[test]
fn reuses_close_to_the_servers_timer_are_at_risk_counted_before_and_after_it_is_known() {
    let mut endpoints = fed([]);
    for gap in [1.0, 4.2, 4.75, 4.9, 6.0] {
        endpoints.progress(&reuse(gap), SECOND);
    }
    for closed in &mut closed(&[(Side::Server, 5.0, 3)]) {
        endpoints.close(closed, false);
    }
    assert_eq!(only(&endpoints).at_risk, 3);
    for gap in [1.0, 4.4, 4.51, 4.9, 6.0] {
        endpoints.progress(&reuse(gap), SECOND);
    }
    assert_eq!(only(&endpoints).at_risk, 6);
    for closed in &mut closed(&[(Side::Client, 2.0, 80)]) {
        endpoints.close(closed, false);
    }
    endpoints.progress(&reuse(6.0), SECOND);
    assert_eq!(only(&endpoints).at_risk, 6, "the server closes no more by that timer");
}

#[test]
fn a_polled_servers_timer_is_its_lower_edge() {
    let reports = (0..20).map(|at| idle(Side::Server, 30.0 + f64::from(at * 7 % 20) * 0.5));
    let (risk, headroom) = judged(&fed(reports));
    assert_eq!(risk, Risk::Mismatch);
    assert!(headroom.is_some_and(|headroom| (headroom.server - 30.0).abs() < 0.01), "{headroom:?}");
}
