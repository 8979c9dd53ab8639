use super::*;

fn stands(asked: &str, answered: &str) -> (Phase, u32) {
    let state = Talk { asked: asked.into(), answered: answered.into() }.state();
    (state.phase, state.in_flight)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#[test]
fn every_phase_of_one_exchange() {
    assert_eq!(stands("", ""), (Phase::Unused, 0));
    assert_eq!(stands("\r\n", ""), (Phase::Unused, 0));
    assert_eq!(stands("GET / HT", ""), (Phase::RequestHead, 1));
    assert_eq!(stands(GET, ""), (Phase::Waiting, 1));
    assert_eq!(stands(GET, "HTTP/1.1 2"), (Phase::Response, 1));
    assert_eq!(stands(GET, &OK[..OK.len() - 1]), (Phase::Response, 1));
    assert_eq!(stands(GET, OK), (Phase::Idle, 0));
}

#[test]
fn an_answer_ends_a_request_that_is_not_whole_unless_it_is_a_408() {
    let part = "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n123";
    let timeout = "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(stands(part, ""), (Phase::RequestBody, 1));
    assert_eq!(stands(part, OK), (Phase::Idle, 0));
    assert_eq!(stands("GET / HT", OK), (Phase::Idle, 0));
    assert_eq!(stands(part, timeout), (Phase::RequestBody, 1));
    assert_eq!(stands("GET / HT", timeout), (Phase::RequestHead, 1));
    assert_eq!(stands(&[GET, part].concat(), &[OK, timeout].concat()), (Phase::RequestBody, 1));
    assert_eq!(stands(&[GET, part].concat(), OK), (Phase::RequestBody, 1));
}

#[test]
fn an_answer_that_nobody_asked_for_is_noise() {
    assert_eq!(stands("", "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n"), (Phase::Unused, 0));
}

#[test]
fn chunks_end_with_the_last_one_and_its_trailers() {
    let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for part in ["", "3\r\nabc\r\n", "3\r\nabc\r\n0\r\n", "3\r\nabc\r\n0\r\nSum: 1\r\n", "3\r\n0\r\n\r\n"] {
        assert_eq!(stands(&[head, part].concat(), ""), (Phase::RequestBody, 1), "{part:?}");
    }
    for whole in ["0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "3;x=y\r\nabc\r\n0\r\nSum: 1\r\n\r\n"] {
        assert_eq!(stands(&[head, whole].concat(), ""), (Phase::Waiting, 1), "{whole:?}");
    }
}

#[test]
fn a_body_that_waits_for_leave_has_not_begun() {
    let asked = "POST / HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(stands(asked, ""), (Phase::Waiting, 1));
    assert_eq!(stands(asked, "HTTP/1.1 100 Continue\r\n\r\n"), (Phase::RequestBody, 1));
    assert_eq!(stands(&[asked, "1"].concat(), ""), (Phase::RequestBody, 1));
}

#[test]
fn pipelined_requests_are_counted() {
    let three = [GET, GET, GET].concat();
    assert_eq!(stands(&three, ""), (Phase::Waiting, 3));
    assert_eq!(stands(&three, OK), (Phase::Waiting, 2));
    assert_eq!(stands(&three, &[OK, "HTTP"].concat()), (Phase::Response, 2));
}

#[test]
fn answers_without_a_body_are_complete_with_their_head() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    assert_eq!(stands("HEAD / HTTP/1.1\r\n\r\n", length), (Phase::Idle, 0));
    assert_eq!(stands(GET, length), (Phase::Response, 1));
    assert_eq!(stands(GET, "HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n"), (Phase::Idle, 0));
    assert_eq!(stands(GET, "HTTP/1.1 204 None\r\n\r\n"), (Phase::Idle, 0));
}

#[test]
fn tunnels_have_no_request_in_flight() {
    let upgrade = "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nxyz";
    assert_eq!(stands(upgrade, "HTTP/1.1 101 Go\r\nConnection: Upgrade\r\n\r\nabc"), (Phase::Tunnel, 0));
    assert_eq!(stands("CONNECT a:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"), (Phase::Tunnel, 0));
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
