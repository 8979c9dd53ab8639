use super::*;
use crate::{
    matrix::scenario::{self, Identity},
    truth::{CloseType, Side},
};

fn played(name: &str, reports: &[(usize, Outcome, Option<u16>)]) -> Played {
    let scenario = scenario::find(name);
    let steps = ["sleep 0", "get /?k1", "sleep 150", "get /drip/60000?k1"].map(str::to_owned).to_vec();
    let conversation = Conversation {
        id: "k1".to_owned(),
        identity: Identity {
            server: "nginx",
            client: "requests",
            scenario: &scenario.name,
            expected: scenario.expected(false),
        },
        scenario,
        steps,
        at: "127.105.1.4:20003".parse().unwrap(),
    };
    let reports = reports.iter().map(|(step, outcome, status)| Report {
        id: "k1".to_owned(),
        step: *step,
        outcome: *outcome,
        status: *status,
        error: None,
    });
    let mut played = Played { reports: reports.collect(), ..Played::default() };
    played.conversations.insert("k1".to_owned(), conversation);
    played
}

fn truth(closer: Side, phase: Phase) -> Truth {
    Truth::plain(closer, CloseType::Fin, phase, u32::from(phase.is_in_flight()))
}

const GAVE_UP: &str = "gives up in the response";

#[test]
fn a_client_that_gave_up_in_the_response_agrees_with_such_a_capture_only() {
    let played = played(GAVE_UP, &[(1, Outcome::Done, Some(200)), (3, Outcome::TimedOut, Some(200))]);
    let all = all(&played);
    let one = &all["k1"];

    assert!(one.came());
    assert_eq!(one.agrees(&truth(Side::Client, Phase::Response)), Some(Ok(())));
    assert!(one.agrees(&truth(Side::Server, Phase::Response)).unwrap().is_err());
}

#[test]
fn a_client_that_was_answered_contradicts_a_capture_of_a_cut_off_response() {
    let played = played(GAVE_UP, &[(1, Outcome::Done, Some(200)), (3, Outcome::Done, Some(200))]);
    let all = all(&played);

    assert!(all["k1"].agrees(&truth(Side::Server, Phase::Response)).unwrap().is_err());
    assert_eq!(all["k1"].agrees(&truth(Side::Client, Phase::Idle)), Some(Ok(())));
}

#[test]
fn a_conversation_whose_first_request_failed_did_not_come_to_its_point() {
    let late = played(GAVE_UP, &[(1, Outcome::TimedOut, None), (3, Outcome::TimedOut, None)]);
    assert!(!all(&late)["k1"].came());

    let refused = played(GAVE_UP, &[(1, Outcome::Done, Some(200)), (3, Outcome::Done, Some(504))]);
    assert!(!all(&refused)["k1"].came());
}
