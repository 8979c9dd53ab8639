//! What is counted where, and what is marked.

use std::time::Duration;

use super::*;
use crate::races::{Kind, Undecided};

fn judged(truth: Truth, end: Side, said: &str, right: bool) -> Judged {
    Judged {
        wire: Wire::Loopback,
        truth,
        end,
        local: "127.0.0.1:1".parse().unwrap(),
        remote: "127.0.0.1:2".parse().unwrap(),
        said: said.to_owned(),
        right,
        exact: true,
        amended: false,
        play: "the play".to_owned(),
        evidence: vec!["the reason".to_owned()],
    }
}

fn outcome(judged: Vec<Judged>) -> Outcome {
    Outcome {
        judged,
        undecided: Vec::new(),
        strays: Vec::new(),
        strangers: Vec::new(),
        scanned: 0,
        dropped: 0,
        notes: Vec::new(),
        took: Duration::ZERO,
    }
}

fn lost_and_answered() -> Vec<Judged> {
    let survived = Truth::Survived { verdict: "client-idle" };
    vec![
        judged(Truth::Lost(Kind::Crossed), Side::Client, "crossed", true),
        judged(Truth::Lost(Kind::Crossed), Side::Server, "crossed", true),
        judged(survived, Side::Client, "client-idle", true),
        judged(survived, Side::Server, "client-idle", true),
    ]
}

#[test]
fn a_table_with_nothing_off_the_diagonal_is_right() {
    let outcome = outcome(lost_and_answered());
    let table = Table(&outcome);

    assert!(table.is_right());
    assert_eq!(table.requests(), 2);
    assert_eq!(table.totals(), Totals { compared: 4, right: 4, ..Totals::default() });
    assert!(!table.to_string().contains('!'), "{table}");
}

#[test]
fn each_kind_of_wrong_makes_the_table_wrong_and_is_marked() {
    for (truth, said) in [
        (Truth::Lost(Kind::Crossed), "stale"),
        (Truth::Lost(Kind::Crossed), "server-idle"),
        (Truth::Lost(Kind::Unread), "not told"),
        (Truth::Survived { verdict: "client-idle" }, "stale"),
        (Truth::NoRace { verdict: "premature-hangup" }, "unread"),
        (Truth::NoRace { verdict: "server-idle" }, "told twice"),
    ] {
        let mut all = lost_and_answered();
        all.push(judged(truth, Side::Server, said, false));
        let outcome = outcome(all);
        let table = Table(&outcome);

        assert!(!table.is_right(), "{table}");
        assert_eq!((table.totals().wrong, table.totals().confident), (1, 1));
        assert!(table.to_string().contains("1!"), "{table}");
        assert!(table.to_string().contains("the reason"), "{table}");
    }
}

#[test]
fn unknown_is_counted_apart_and_is_not_wrong() {
    let mut all = lost_and_answered();
    all.push(judged(Truth::Lost(Kind::Stale), Side::Server, "unknown", false));
    let outcome = outcome(all);
    let table = Table(&outcome);

    assert!(table.is_right());
    assert_eq!((table.totals().unknown, table.totals().right), (1, 4));
    assert!(table.to_string().contains("1 unknown, 0 wrong"), "{table}");
}

#[test]
fn strays_strangers_and_an_empty_table_are_not_right() {
    assert!(!Table(&outcome(Vec::new())).is_right());
    let stray = Outcome { strays: vec!["why".to_owned()], ..outcome(lost_and_answered()) };
    assert!(!Table(&stray).is_right());
    let stranger = Outcome { strangers: vec!["who".to_owned()], ..outcome(lost_and_answered()) };
    assert!(!Table(&stranger).is_right());
}

#[test]
fn undecided_plays_are_listed_by_reason() {
    let one = Undecided { wire: Wire::Delay, why: "because", play: "the play".to_owned() };
    let undecided = vec![one.clone(), one];
    let outcome = Outcome { undecided, ..outcome(lost_and_answered()) };

    assert!(Table(&outcome).to_string().contains("undecided, delay: 2: because"));
}
