//! What is right, open, wrong and lost, of one connection and of two with the same addresses.

use serde_json::{Value, json};

use super::*;
use crate::truth::{CloseType, Phase};

const CLIENT: &str = "127.0.0.1:1000";
const SERVER: &str = "127.0.0.1:80";

pub(crate) fn connection(truth: Truth) -> Connection {
    Connection {
        label: "a play".to_owned(),
        group: ["some", "software"],
        client: CLIENT.parse().unwrap(),
        server: SERVER.parse().unwrap(),
        namespaces: [7, 7],
        truth,
    }
}

fn gave_up() -> Connection {
    connection(Truth::plain(Side::Client, CloseType::Fin, Phase::Waiting, 1))
}

fn outcome(changes: &[(&str, Value)]) -> Outcome {
    check(&gave_up().truth, Side::Server, &Close::sample(changes))
}

fn is_wrong(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Wrong { exact: true, .. })
}

#[test]
fn any_false_word_or_count_is_wrong() {
    assert_eq!(outcome(&[]), Outcome::Right);
    for change in [
        ("role", json!("client")),
        ("closer", json!("both")),
        ("close_type", json!("rst")),
        ("phase", json!("idle")),
        ("verdict", json!("client-idle")),
        ("race", json!("unread")),
        ("code", json!("CI")),
        ("in_flight", json!(0)),
        ("in_flight", json!(2)),
    ] {
        assert!(is_wrong(&outcome(std::slice::from_ref(&change))), "{change:?}");
    }
    let probable = outcome(&[("phase", json!("idle")), ("confidence", json!("probable"))]);
    assert!(matches!(probable, Outcome::Wrong { exact: false, .. }), "{probable:?}");
}

#[test]
fn what_is_left_open_is_not_wrong_and_hides_no_false_word() {
    let open = [("verdict", json!("unknown")), ("in_flight", json!(null)), ("phase", json!("unknown"))];
    assert!(
        matches!(outcome(&open), Outcome::Unknown { reported } if reported.ends_with("verdict, phase, in_flight"))
    );
    for code in ["UW", "C-"] {
        let open = outcome(&[("code", json!(code)), ("closer", json!("unknown"))]);
        assert!(matches!(open, Outcome::Unknown { .. }), "{open:?}");
    }
    assert!(is_wrong(&outcome(&[open.as_slice(), &[("closer", json!("server"))]].concat())));
}

#[test]
fn of_a_race_where_the_exchange_stood_depends_on_the_end() {
    let lost = gave_up().truth.lost(Race::OwnTimer);
    let reported = |race: &str| {
        let words = [("verdict", json!("idle-race")), ("race", json!(race)), ("phase", json!("idle"))];
        check(&lost, Side::Server, &Close::sample(&words))
    };
    assert_eq!(reported("own-timer"), Outcome::Right);
    assert!(is_wrong(&reported("stale")));
    let unknown = check(&lost, Side::Server, &Close::sample(&[("verdict", json!("unknown"))]));
    assert!(matches!(unknown, Outcome::Unknown { .. }));
}

fn closes(all: &[Close]) -> Closes {
    all.iter().cloned().collect()
}

fn client(changes: &[(&str, Value)]) -> Close {
    let own = [("role", json!("client")), ("local", json!(CLIENT)), ("remote", json!(SERVER))];
    Close::sample(&[&own, changes].concat())
}

fn server(changes: &[(&str, Value)]) -> Close {
    Close::sample(changes)
}

#[test]
fn each_end_has_to_be_reported_once_and_in_its_own_namespace() {
    let connections = [gave_up()];
    let words = |all: &[Close]| {
        let comparisons = compare(&connections, &closes(all));
        comparisons.into_iter().map(|one| one.word).collect::<Vec<_>>()
    };
    assert_eq!(words(&[client(&[]), server(&[])]), ["premature-hangup", "premature-hangup"]);
    assert_eq!(words(&[client(&[]), client(&[])]), ["reported twice", "not reported"]);
    assert_eq!(words(&[client(&[("netns", json!(8))])]), ["not reported", "not reported"]);
    assert!(all_reported(&connections, &closes(&[client(&[]), server(&[])])));
    assert!(!all_reported(&connections, &closes(&[client(&[])])));
}

#[test]
fn a_late_request_has_to_amend_what_was_reported() {
    let stale = [connection(gave_up().truth.lost(Race::Stale))];
    let race = [("verdict", json!("idle-race")), ("race", json!("stale"))];
    assert!(!all_reported(&stale, &closes(&[client(&[]), server(&race)])));
    assert!(all_reported(&stale, &closes(&[client(&race), server(&race)])));
}

#[test]
fn connections_with_the_same_addresses_are_told_apart_by_time() {
    let mut second = gave_up();
    second.truth.phase = Phase::Response;
    let connections = [gave_up(), second];
    let later =
        [("time", json!("2026-01-01T00:00:01Z")), ("phase", json!("response")), ("code", json!("CR"))];
    let all = [client(&later), client(&[]), server(&[]), server(&later)];

    let comparisons = compare(&connections, &closes(&all));

    assert_eq!(comparisons.len(), 4);
    assert!(comparisons.iter().all(Comparison::is_right), "{comparisons:#?}");
}

#[test]
fn a_refused_connection_has_one_end() {
    let mut refused = gave_up();
    refused.truth.phase = Phase::Connecting;
    assert_eq!(compare(&[refused], &Closes::default()).len(), 1);
}

#[test]
fn each_end_is_counted_once_and_a_wrong_one_is_told_in_full() {
    let wrong = server(&[("closer", json!("server")), ("evidence", json!(["the reason"]))]);
    let comparisons = compare(&[gave_up()], &closes(&[client(&[]), wrong]));
    let score = Score::of(&comparisons);
    assert_eq!(score, Score { compared: 2, right: 1, wrong: 1, exact: 1, ..Score::default() });
    assert!(!score.has_no_fault() && !Score::default().has_no_fault());
    assert!(score.to_string().contains("1 wrong (1 of them called exact), 0 not reported once"), "{score}");
    let text = comparisons[1].to_string();
    assert!(text.contains("a play, 127.0.0.1:1000") && text.contains("exactly: the reason"), "{text}");
}
