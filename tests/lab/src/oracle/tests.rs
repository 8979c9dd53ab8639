use std::collections::BTreeMap;

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#[derive(serde::Deserialize)]
struct File {
    message: BTreeMap<String, String>,
    talk: BTreeMap<String, Vec<(String, String, Phase, u32)>>,
}

#[test]
fn every_talk_stands_where_it_says() {
    let File { message, talk } = crate::plays::read(include_str!("talks.toml"));
    let bytes = |names: &str| names.split_whitespace().flat_map(|name| message[name].bytes()).collect();
    for (about, talks) in &talk {
        for (asked, answered, phase, in_flight) in talks {
            let state = Talk { asked: bytes(asked), answered: bytes(answered) }.state();
            let found = (state.phase, state.in_flight);
            assert_eq!(found, (*phase, *in_flight), "{about}: {asked}; {answered}");
        }
    }
}

#[test]
fn what_was_announced_completes() {
    let last = |asked: &str, answered: &str| {
        let talk = Talk { asked: asked.into(), answered: answered.into() };
        talk.state().ended(Side::Server, CloseType::Fin).verdict
    };
    assert_eq!(last(GET, OK), "server-idle");
    assert_eq!(last("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", OK), "completed");
    assert_eq!(last("GET / HTTP/1.0\r\n\r\n", OK), "completed");
    assert_eq!(last(GET, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), "completed");
    assert_eq!(last(GET, "HTTP/1.0 200 OK\r\n\r\nsome"), "completed");
    let late = "HTTP/1.1 408 Late\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(last(GET, &[OK, late].concat()), "server-idle");
    let part = "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n1";
    assert_eq!(last(part, OK), "completed");
    assert_eq!(last(part, late), "premature-hangup");
}

#[test]
fn targets_are_numbered_and_need_a_whole_head() {
    let talk =
        Talk { asked: [GET, "GET /second HTTP/1.1\r\n\r\nGET /thi"].concat().into(), ..Talk::default() };
    let target = |number| talk.asked(number).map(|asked| asked.target);
    assert_eq!(target(0).as_deref(), Some("/"));
    assert_eq!(target(1).as_deref(), Some("/second"));
    assert_eq!(target(2), None);
}
