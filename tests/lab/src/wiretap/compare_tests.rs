//! What is right, open, wrong and lost, of one close and of two with the same addresses.

use serde_json::{Value, json};

use super::*;
use crate::{
    agent::tests::{CLIENT, SERVER, report},
    truth::How,
    wiretap::truth::Closer,
};

fn close() -> Close {
    let truth = Truth {
        closer: Closer::Client,
        how: How::Fin,
        phase: Phase::Waiting,
        in_flight: 1,
        verdict: "premature-hangup",
        race: None,
        idle: None,
        requests: 0,
    };
    Close {
        label: "a play".to_owned(),
        client: CLIENT.parse().unwrap(),
        server: SERVER.parse().unwrap(),
        truth,
    }
}

fn outcome(changes: &[(&str, Value)]) -> Outcome {
    compare(&close(), Side::Server, &report(changes), 7)
}

fn is_wrong(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Wrong { confident: true, .. })
}

#[test]
fn any_false_word_or_count_is_wrong() {
    assert_eq!(outcome(&[]), Outcome::Right);
    for change in [
        ("role", json!("client")),
        ("closer", json!("both")),
        ("how", json!("rst")),
        ("phase", json!("idle")),
        ("verdict", json!("client-idle")),
        ("race", json!("unread")),
        ("code", json!("CI")),
        ("in_flight", json!(0)),
        ("netns", json!(8)),
    ] {
        assert!(is_wrong(&outcome(std::slice::from_ref(&change))), "{change:?}");
    }
}

#[test]
fn what_is_left_open_is_not_wrong() {
    let open = outcome(&[("verdict", json!("unknown")), ("in_flight", json!(null))]);
    assert!(matches!(open, Outcome::Unknown { said } if said.ends_with("verdict, in_flight")));
    assert!(matches!(
        outcome(&[("code", json!("UW")), ("closer", json!("unknown"))]),
        Outcome::Unknown { .. }
    ));
}

#[test]
fn of_a_race_where_the_exchange_stood_depends_on_the_end() {
    let mut close = close();
    close.truth = Truth { verdict: "idle-race", race: Some(Kind::OwnTimer), ..close.truth };
    let said = [("verdict", json!("idle-race")), ("race", json!("own-timer")), ("phase", json!("idle"))];
    assert_eq!(compare(&close, Side::Server, &report(&said), 7), Outcome::Right);
    let mut other = said.clone();
    other[1].1 = json!("stale");
    assert!(is_wrong(&compare(&close, Side::Server, &report(&other), 7)));
    let unknown = [("verdict", json!("unknown"))];
    assert!(matches!(compare(&close, Side::Server, &report(&unknown), 7), Outcome::Unknown { .. }));
}

fn said(reports: &[Report]) -> Said {
    let mut said = Said::default();
    for report in reports {
        said.add(report.clone());
    }
    said
}

fn client(changes: &[(&str, Value)]) -> Report {
    let own = [("role", json!("client")), ("local", json!(CLIENT)), ("remote", json!(SERVER))];
    report(&[&own, changes].concat())
}

#[test]
fn each_end_has_to_be_told_once() {
    let closes = [close()];
    let words = |reports: &[Report]| {
        let judged = judge(&closes, &said(reports), [7, 7]);
        judged.into_iter().map(|judged| judged.word).collect::<Vec<_>>()
    };
    assert_eq!(words(&[client(&[]), report(&[])]), ["premature-hangup", "premature-hangup"]);
    assert_eq!(words(&[client(&[]), client(&[])]), ["told twice", "not told"]);
    assert!(all_said(&closes, &said(&[client(&[]), report(&[])])));
    assert!(!all_said(&closes, &said(&[client(&[])])));
}

#[test]
fn connections_with_the_same_addresses_are_told_apart_by_time() {
    let mut second = close();
    second.truth.phase = Phase::Response;
    let closes = [close(), second];
    let later = |mut report: Report| {
        "2026-01-01T00:00:01Z".clone_into(&mut report.time);
        "response".clone_into(&mut report.phase);
        "CR".clone_into(&mut report.code);
        report
    };
    let reports = [later(client(&[])), client(&[]), report(&[]), later(report(&[]))];

    let judged = judge(&closes, &said(&reports), [7, 7]);

    assert_eq!(judged.len(), 4);
    assert!(judged.iter().all(|judged| judged.outcome == Outcome::Right), "{judged:#?}");
}

#[test]
fn a_refused_connection_has_one_end() {
    let mut refused = close();
    refused.truth.phase = Phase::Connecting;
    assert_eq!(judge(&[refused], &Said::default(), [7, 7]).len(), 1);
}

#[test]
fn the_table_lists_what_is_not_right() {
    let judged = judge(&[close()], &said(&[client(&[]), report(&[("closer", json!("server"))])]), [7, 7]);
    let comparison = Comparison { judged: &judged };
    let text = comparison.to_string();
    assert!(
        text.contains("1 connections; 2 ends of closes compared: 1 right, 0 unknown (0.00 %), 1 wrong"),
        "{text}"
    );
    assert!(text.contains("1+1!") && text.contains("a play, 127.0.0.1:1000"), "{text}");
    let totals = comparison.totals();
    assert_eq!((totals.wrong, totals.confident, totals.lost), (1, 1, 0));
}
