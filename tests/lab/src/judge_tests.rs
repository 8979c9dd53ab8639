use serde_json::json;

use super::*;
use crate::{
    agent::tests::{CLIENT, SERVER, report},
    truth::{Expect, How, Phase, Row},
};

fn close() -> Close {
    Close {
        row: Row { part: Side::Server, software: "some" },
        case: "waiting".to_owned(),
        client: CLIENT.parse().unwrap(),
        server: SERVER.parse().unwrap(),
        expect: Expect::plain(Side::Client, How::Fin, Phase::Waiting, 1),
    }
}

fn outcome(changes: &[(&str, serde_json::Value)]) -> Outcome {
    compare(&close(), Side::Server, &report(changes), 7)
}

#[test]
fn all_that_is_true_is_right() {
    assert_eq!(outcome(&[]), Outcome::Right);
}

#[test]
fn any_false_word_or_count_is_wrong() {
    for change in [
        ("role", json!("client")),
        ("closer", json!("server")),
        ("how", json!("rst")),
        ("phase", json!("idle")),
        ("verdict", json!("client-idle")),
        ("code", json!("CI")),
        ("in_flight", json!(2)),
        ("netns", json!(8)),
    ] {
        assert!(
            matches!(outcome(std::slice::from_ref(&change)), Outcome::Wrong { confident: true, .. }),
            "{change:?}"
        );
    }
}

#[test]
fn what_is_called_probable_is_wrong_without_confidence() {
    let said = outcome(&[("phase", json!("idle")), ("confidence", json!("probable"))]);
    assert!(matches!(said, Outcome::Wrong { confident: false, .. }), "{said:?}");
}

#[test]
fn an_unknown_hides_no_false_word() {
    let unknown = [("phase", json!("unknown")), ("code", json!("C-")), ("verdict", json!("unknown"))];
    assert!(matches!(outcome(&unknown), Outcome::Unknown { .. }));
    let no_count = [("in_flight", json!(null))];
    assert!(matches!(outcome(&no_count), Outcome::Unknown { .. }));
    let and_false = [unknown.as_slice(), &[("closer", json!("server"))]].concat();
    assert!(matches!(outcome(&and_false), Outcome::Wrong { .. }));
}

#[test]
fn a_close_that_was_not_reported_is_lost() {
    let played = Played { closes: vec![close()], ..Played::default() };
    let judged = judge(&played, &Said::default(), 7);
    assert_eq!(judged.len(), 2);
    assert!(judged.iter().all(|judged| matches!(judged.outcome, Outcome::Lost { .. })), "{judged:?}");
}
