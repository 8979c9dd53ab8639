use crate::close::{
    ClosedConnection, Facts, Loss, LossReason,
    facts::{FIN_WAIT1, FIN_WAIT2},
    loss,
    sample::{
        DATA, HEADERS, RST_STREAM, SETTINGS, Talk, WHOLE, classified, client, frame, goaway, late_segment,
        server,
    },
};

const ENHANCE_YOUR_CALM: u8 = 11;
const ASK: &str = "ask";

fn summary(close: &ClosedConnection) -> String {
    let race = close.race.map_or("-", |race| race.as_str());
    let open = close.in_flight.map_or("-".to_owned(), |open| open.to_string());
    format!("{} {} {} {race} {} {open}", close.verdict, close.code, close.cause, close.confidence)
}

/// Both ends of the same conversation, which the server ends.
fn both(talk: impl Fn(Talk) -> Talk) -> [String; 2] {
    [talk(server()).closes(), talk(client()).gets_fin()].map(|facts| summary(&classified(&facts)))
}

#[test]
fn streams_that_end_with_a_goaway_that_says_so_have_failed() {
    // gRPC's C core: GOAWAY, trailers that say UNAVAILABLE, RST_STREAM, FIN.
    let too_many = |talk: Talk| {
        let talk = talk.http2().asks(&frame(HEADERS, WHOLE, 1, ASK)).waits(1);
        let talk = talk.answers(&frame(HEADERS, 4, 1, "head")).waits(750);
        talk.answers(
            &[
                goaway(1, ENHANCE_YOUR_CALM, "too_many_pings"),
                frame(HEADERS, WHOLE, 1, "unavailable"),
                frame(RST_STREAM, 0, 1, "none"),
            ]
            .concat(),
        )
    };
    assert_eq!(both(too_many), ["premature-hangup SR h2-goaway - exact 1"; 2]);
    let close = classified(&too_many(server()).closes());
    let words = "the server's GOAWAY: ENHANCE_YOUR_CALM, last stream 1, \"too_many_pings\"";
    assert!(close.evidence.iter().any(|line| line == words), "{:?}", close.evidence);
    assert_eq!(
        close.request_totals.map(|totals| (totals.begun, totals.answered, totals.unanswered)),
        Some((1, 0, 1))
    );
    // Without a stream, it is an idle end all the same.
    let idle = |talk: Talk| talk.http2().streams(1, 750).answers(&goaway(1, ENHANCE_YOUR_CALM, ""));
    assert_eq!(both(idle), ["server-idle SI h2-goaway - exact 0"; 2]);
    // Left open: grpc-go.
    let open = |talk: Talk| {
        let talk = talk.http2().streams(1, 5).asks(&frame(HEADERS, WHOLE, 3, ASK)).waits(100);
        talk.answers(&goaway(3, ENHANCE_YOUR_CALM, "too_many_pings"))
    };
    assert_eq!(both(open), ["premature-hangup SW h2-goaway - exact 1"; 2]);
}

#[test]
fn streams_that_are_reset_with_the_close_were_in_flight() {
    let asked = |talk: Talk| talk.http2().asks(&frame(HEADERS, WHOLE, 1, ASK)).waits(100);
    let reset = |talk: Talk| asked(talk).answers(&frame(RST_STREAM, 0, 1, "gone"));
    assert_eq!(both(reset), ["premature-hangup SR unknown - exact 1"; 2]);
    // Long before the close it is a stream's own matter; and a client that cancels gives up its own.
    assert_eq!(both(|talk| reset(talk).waits(500)), ["server-idle SI unknown - exact 0"; 2]);
    let cancelled = |talk: Talk| asked(talk).asks(&frame(RST_STREAM, 0, 1, "gone"));
    assert_eq!(both(cancelled), ["server-idle SI unknown - exact 0"; 2]);
    let close = classified(&cancelled(client()).closes());
    assert_eq!(summary(&close), "premature-hangup CW unknown - exact 1");
}

#[test]
fn the_words_of_a_polite_goaway_are_its_cause() {
    for (debug, cause) in [
        ("max_age", "max-age"),
        ("max_idle", "keepalive-timer"),
        ("graceful_stop", "shutdown"),
        ("app_requested", "shutdown"),
        ("", "h2-goaway"),
    ] {
        let said = both(|talk| talk.http2().streams(1, 750).answers(&goaway(1, 0, debug)));
        assert_eq!(
            said,
            [format!("server-idle SI {cause} - exact 0"), format!("server-idle SI {cause} - exact 0")]
        );
    }
}

#[test]
fn a_stream_above_the_last_of_the_goaway_has_crossed_it() {
    let crossed = |talk: Talk| {
        let talk = talk.http2().streams(1, 500).asks(&frame(HEADERS, WHOLE, 3, ASK));
        talk.answers(&goaway(1, 0, ""))
    };
    assert_eq!(
        both(crossed),
        ["idle-race SW h2-goaway crossed exact 1", "idle-race SW h2-goaway crossed exact 1"]
            .map(|text| text.replace("h2-goaway", "unknown"))
    );
    // The first stream of a connection meets no idle timer.
    let first = |talk: Talk| talk.http2().asks(&frame(HEADERS, WHOLE, 1, ASK)).answers(&goaway(0, 0, ""));
    assert_eq!(both(first), ["premature-hangup SW unknown - exact 1"; 2]);
}

/// The server's socket after its own FIN, when `text` has come.
fn after_the_fin(shut_only: bool, text: &str, acknowledges_the_fin: bool) -> Facts {
    let talk = server().http2().streams(1, 500).answers(&goaway(1, 0, ""));
    let mut facts = if shut_only { talk.clone().stops_sending() } else { talk.clone().closes() };
    let mut later = talk.waits(250).asks(text);
    let ack = facts.first.write_seq.wrapping_add(u32::from(acknowledges_the_fin));
    later.exchange.request_ack = ack;
    let (old, err) = if shut_only { (FIN_WAIT2, 0) } else { (FIN_WAIT1, 104) };
    later.socket.err = err;
    later.later(&mut facts, old, 7);
    if !shut_only {
        facts.resets.push(late_segment(&facts.first, text.len() as u32, ack));
    }
    facts
}

#[test]
fn a_late_stream_is_a_lost_request_and_an_answer_to_a_frame_is_none() {
    for shut_only in [true, false] {
        let said = |text: &str, seen| summary(&classified(&after_the_fin(shut_only, text, seen)));
        let ask = frame(HEADERS, WHOLE, 3, ASK);
        assert_eq!(said(&ask, true), "idle-race SI unknown stale exact 0", "{shut_only}");
        assert_eq!(said(&ask, false), "idle-race SI unknown crossed exact 0", "{shut_only}");
        // Of what meets no socket any more only the length is known.
        let confidence = if shut_only { "exact" } else { "probable" };
        for answer in [frame(SETTINGS, 1, 0, ""), goaway(0, 0, ""), frame(8, 0, 0, "more")] {
            assert_eq!(said(&answer, true), format!("server-idle SI h2-goaway - {confidence} 0"));
        }
    }
}

#[test]
fn an_answer_that_leaves_with_the_fin_has_been_written() {
    let asked = server().http2().streams(1, 5).asks(&frame(HEADERS, WHOLE, 3, ASK)).waits(1);
    let answer = frame(DATA, 1, 3, "done");
    // Corked: the process has written it, and nothing has left when the FIN is due.
    let mut corked = asked.clone();
    corked.socket.write_seq = corked.socket.write_seq.wrapping_add(answer.len() as u32);
    let mut facts = corked.closes();
    assert_eq!(summary(&classified(&facts)), "premature-hangup SW unknown - probable 1");
    asked.answers(&answer).later(&mut facts, FIN_WAIT2, 7);
    assert_eq!(classified(&facts).phase.as_str(), "idle");
    assert_eq!(summary(&classified(&facts)), "server-idle SI unknown - exact 0");
}

#[test]
fn a_goodbye_in_answer_to_another_is_not_the_first() {
    let said = |talk: Talk| {
        let talk =
            talk.http2().streams(1, 100).asks(&goaway(0, 0, "bye")).waits(1).answers(&goaway(1, 0, "yes"));
        classified(&talk.closes()).goaway.map(|frame| (frame.by.as_str(), frame.debug))
    };
    assert_eq!(said(client()), Some(("client", "bye".to_owned())));
    assert_eq!(said(server()), Some(("client", "bye".to_owned())));
}

#[test]
fn a_response_that_is_reset_behind_its_end_has_failed_unless_the_request_is_what_is_reset() {
    let ended = |flags: u8| {
        move |talk: Talk| {
            let talk = talk
                .http2()
                .asks(&frame(HEADERS, flags, 1, ASK))
                .waits(100)
                .answers(&goaway(1, 0, "max_age"));
            let talk = talk.waits(125).answers(&frame(HEADERS, WHOLE, 1, "unavailable"));
            talk.answers(&frame(RST_STREAM, 0, 1, "none"))
        }
    };
    assert_eq!(both(ended(WHOLE)), ["premature-hangup SR max-age - exact 1"; 2]);
    let totals = classified(&ended(WHOLE)(server()).closes()).request_totals;
    assert_eq!(totals.map(|totals| (totals.answered, totals.unanswered)), Some((0, 1)));
    // An early answer, and no wish for the rest of the body.
    assert_eq!(both(ended(4)), ["server-idle SI max-age - exact 0"; 2]);
}

#[test]
fn streams_given_up_behind_a_goaway_end_with_a_close_that_follows_it() {
    // gRPC's `stop(grace)`: GOAWAY, and when the grace is over RST_STREAM for what is open.
    let cut = |apart: u32| {
        move |talk: Talk| {
            let talk = talk.http2().asks(&frame(HEADERS, WHOLE, 1, ASK)).waits(100);
            let talk = talk.answers(&frame(HEADERS, 4, 1, "head")).answers(&goaway(1, 0, "")).waits(500);
            talk.answers(&frame(RST_STREAM, 0, 1, "none")).waits(apart)
        }
    };
    for apart in [0, 40] {
        assert_eq!(both(cut(apart)), ["premature-hangup SR unknown - exact 1"; 2], "{apart}");
    }
    assert_eq!(both(cut(500)), ["server-idle SI h2-goaway - exact 0"; 2]);
    // The client, which has nothing left to wait for, is first on the wire.
    let close = classified(&cut(10)(client()).closes());
    assert_eq!(summary(&close), "premature-hangup CR h2-goaway - exact 1");
    assert_eq!(loss(&close), Some((Loss::Lost(LossReason::ServerHangup), 1)));
}

#[test]
fn streams_that_are_open_beside_those_given_up_are_in_flight_too() {
    // Node resets one stream of two, and ends the connection.
    let cut = |talk: Talk| {
        let talk = talk.http2().asks(&frame(HEADERS, WHOLE, 1, ASK)).asks(&frame(HEADERS, WHOLE, 3, ASK));
        talk.waits(100).answers(&frame(RST_STREAM, 0, 1, "none")).answers(&goaway(3, 0, ""))
    };
    assert_eq!(both(cut), ["premature-hangup SW unknown - exact 2"; 2]);
}
