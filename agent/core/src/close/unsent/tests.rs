use whohungup_ebpf::exchange::{IN, OUT};

use crate::close::{
    Facts,
    facts::{CLOSE, CLOSING, FIN_WAIT1},
    sample::{GET, OK, Talk, classified, client, server},
};

fn summary(facts: &Facts) -> String {
    let close = classified(facts);
    let (verdict, race) = (close.verdict, close.race.map_or(String::new(), |race| format!(" {race}")));
    format!("{verdict}{race} {} {} {} {:?}", close.code, close.cause, close.confidence, close.in_flight)
}

/// A client whose next request stays in its socket for so many ticks.
fn keeps_back(silence: u32, ticks: u32) -> Talk {
    client().served(silence).keeps_back(GET.len() as u32).waits(ticks)
}

#[test]
fn a_request_that_this_host_drops_is_lost_to_the_network() {
    assert_eq!(summary(&keeps_back(1250, 1250).closes()), "network NW flow-forgotten probable Some(1)");
    assert_eq!(summary(&keeps_back(25, 1250).closes()), "network NW retransmit-timeout probable Some(1)");
    assert_eq!(summary(&keeps_back(25, 1250).resets()), "network NW retransmit-timeout probable Some(1)");
    let timeout = keeps_back(1250, 5000).fails(110);
    assert_eq!(summary(&timeout), "network NW flow-forgotten probable Some(1)");
}

#[test]
fn a_request_that_its_client_gives_up_soon_is_no_idle_close() {
    assert_eq!(summary(&keeps_back(1250, 50).closes()), "premature-hangup CW unknown probable Some(1)");
    assert_eq!(summary(&keeps_back(1250, 0).closes()), "idle-race own-timer CW unknown probable Some(1)");
}

/// Corked, and pushed by the FIN.
#[test]
fn a_request_that_leaves_with_the_fin_is_in_flight() {
    let corked = client().served(1250);
    let mut facts = corked.clone().keeps_back(GET.len() as u32).waits(50).closes();
    corked.asks(GET).waits(51).later(&mut facts, FIN_WAIT1, CLOSE);
    assert_eq!(summary(&facts), "premature-hangup CW unknown exact Some(1)");
}

/// An answer is the server's, and what it means is known from its request.
#[test]
fn what_a_server_keeps_back_is_no_request() {
    let facts = server().asks(GET).answers(OK).keeps_back(20).waits(250).closes();
    assert_eq!(summary(&facts), "server-idle SI unknown exact Some(0)");
}

/// What went before it has not been acknowledged: it waits its turn.
#[test]
fn what_waits_behind_others_is_not_judged() {
    let facts = client().asks(GET).answers(OK).asks(GET).unacked(0).keeps_back(30).waits(250).closes();
    assert_eq!(summary(&facts), "premature-hangup CW unknown exact Some(1)");
}

/// Its FIN waits behind the request for ever, and the server closes some day.
#[test]
fn a_host_that_drops_the_request_drops_the_fin_behind_it() {
    let talk = keeps_back(1250, 1250);
    let mut facts = talk.clone().closes();
    let mut talk = talk.waits(500).fin_came();
    talk.socket.write_seq = talk.socket.write_seq.wrapping_add(1);
    talk.later(&mut facts, FIN_WAIT1, CLOSING);
    facts.crossing_fins = true;
    assert_eq!(summary(&facts), "network NW flow-forgotten probable Some(1)");
}

#[test]
fn of_a_protocol_that_is_not_read_a_server_that_answered_last_has_read_all() {
    let mut talk = client().unobserved().waits(5);
    talk.move_bytes(OUT, 5);
    talk.move_bytes(IN, 5);
    let talk = talk.waits(1250).keeps_back(5).waits(1250);
    assert_eq!(summary(&talk.clone().closes()), "network NW flow-forgotten probable Some(1)");
    // It has only acknowledged: it may have no room.
    let mut facts = talk.closes();
    facts.first.rcv_tstamp = facts.first.rcv_tstamp.wrapping_add(5);
    assert_eq!(summary(&facts), "premature-hangup CW unknown probable Some(1)");
}
