use crate::{
    close::{
        ClosedConnection,
        facts::{CLOSE_WAIT, ESTABLISHED, LAST_ACK},
        sample::{HEADERS, RST_STREAM, Talk, WHOLE, classified, client, frame, goaway, server},
    },
    labels::{Cause, Closer, Confidence, Phase, Race, Side, Verdict},
};

/// HTTP/1 over TLS 1.3, served once, then so many ticks of silence.
fn served(end: Talk, ticks: u32) -> Talk {
    let asked = end.encrypted_13(&[]).carries(Side::Server, 234).carries(Side::Client, 80).waits(1);
    asked.carries(Side::Server, 300).waits(ticks)
}

fn served_http2(end: Talk, ticks: u32) -> Talk {
    let asked = end.encrypted_http2().carries(Side::Client, 60).waits(1);
    asked.carries(Side::Server, 300).waits(ticks)
}

fn said(close: &ClosedConnection) -> (Verdict, Closer, Option<f64>) {
    (close.verdict, close.closer, close.idle)
}

#[test]
fn who_says_close_notify_first_ends_it_and_the_clock_stops_there() {
    for end in [client(), server()] {
        for by in [Side::Client, Side::Server] {
            let talk = served(end.clone(), 150).carries(by, 2).waits(225);
            let (verdict, closer) = match by {
                Side::Client => (Verdict::ClientIdle, Closer::Client),
                Side::Server => (Verdict::ServerIdle, Closer::Server),
            };
            for facts in [talk.clone().closes(), talk.clone().gets_fin(), talk.resets()] {
                let close = classified(&facts);
                assert_eq!(said(&close), (verdict, closer, Some(0.6)), "{close:#?}");
                assert_eq!(close.confidence, Confidence::Probable);
            }
        }
    }
}

#[test]
fn an_alert_of_tls_12_is_one_whatever_its_length() {
    let talk = server().encrypted().served(150).alerts(Side::Server, None).waits(225);
    assert_eq!(said(&classified(&talk.gets_fin())), (Verdict::ServerIdle, Closer::Server, Some(0.6)));
}

#[test]
fn a_body_of_two_bytes_is_no_goodbye() {
    let asked = client().encrypted_13(&[]).carries(Side::Server, 234).carries(Side::Client, 80).waits(1);
    let close = classified(&asked.carries(Side::Server, 120).carries(Side::Server, 2).waits(500).closes());
    assert_eq!((close.verdict, close.closer), (Verdict::ClientIdle, Closer::Client));
}

#[test]
fn a_side_that_goes_on_has_said_no_goodbye() {
    let talk = served(client(), 50).carries(Side::Server, 2).waits(50).carries(Side::Server, 90).waits(50);
    assert_eq!(classified(&talk.closes()).closer, Closer::Client);
}

#[test]
fn a_ping_that_is_answered_is_no_goodbye() {
    let talk = served(client(), 50).carries(Side::Server, 2).carries(Side::Client, 6).waits(500);
    assert_eq!(classified(&talk.closes()).closer, Closer::Client);
}

#[test]
fn a_request_behind_the_servers_goodbye_is_lost_to_an_idle_close() {
    let late =
        |end: Talk| served(end, 150).carries(Side::Server, 2).waits(100).carries(Side::Client, 80).waits(1);
    let (at_client, mut at_server) = (classified(&late(client()).gets_fin()), late(server()));
    at_server.exchange.request_ack = at_server.exchange.streams[1].end_seq;
    let at_server = classified(&at_server.closes());
    for close in [at_client, at_server] {
        assert_eq!(said(&close), (Verdict::IdleRace, Closer::Server, Some(0.6)), "{close:#?}");
        assert_eq!(close.race, Some(Race::Stale));
    }
}

#[test]
fn a_request_that_does_not_acknowledge_the_goodbye_has_crossed_it() {
    let mut talk = served(server(), 150).carries(Side::Server, 2).carries(Side::Client, 80).waits(1);
    talk.exchange.request_ack = talk.exchange.streams[1].end_seq - 1;
    assert_eq!(classified(&talk.closes()).race, Some(Race::Crossed));
}

#[test]
fn a_goodbye_with_a_request_open_is_a_hang_up() {
    let talk = served(client(), 150).carries(Side::Client, 80).waits(50).carries(Side::Server, 2).waits(20);
    let close = classified(&talk.closes());
    assert_eq!((close.verdict, close.closer), (Verdict::PrematureHangup, Closer::Server));
    assert_eq!((close.phase, close.request), (Phase::Waiting, Some(0.2)));
}

#[test]
fn a_goaway_is_known_by_its_size_and_the_fin_that_follows_a_second_later_is_no_timer() {
    for end in [client(), server()] {
        let talk = served_http2(end, 375).carries(Side::Server, 17).waits(250);
        for facts in [talk.clone().closes(), talk.gets_fin()] {
            let close = classified(&facts);
            assert_eq!(said(&close), (Verdict::ServerIdle, Closer::Server, Some(1.5)), "{close:#?}");
        }
    }
}

#[test]
fn a_client_that_answers_a_goaway_with_its_own_asks_for_nothing() {
    let talk = served_http2(client(), 375).carries(Side::Server, 17).carries(Side::Client, 17);
    assert_eq!(said(&classified(&talk.closes())), (Verdict::ServerIdle, Closer::Server, Some(1.5)));
}

#[test]
fn a_ping_and_its_answer_end_nothing() {
    for (asks, answers) in [(Side::Client, Side::Server), (Side::Server, Side::Client)] {
        let talk = served_http2(client(), 100).carries(asks, 17).waits(1).carries(answers, 17).waits(25);
        let close = classified(&talk.closes());
        assert_eq!(said(&close), (Verdict::ClientIdle, Closer::Client, Some(0.504)), "{asks}: {close:#?}");
    }
}

#[test]
fn a_frame_behind_the_servers_fin_is_a_request_only_if_it_is_long_enough() {
    for (carries, verdict) in [(13, Verdict::ServerIdle), (17, Verdict::ServerIdle), (60, Verdict::IdleRace)]
    {
        let talk = served_http2(client(), 250).fin_came();
        let mut facts = talk.clone().ends(ESTABLISHED, CLOSE_WAIT);
        talk.waits(10).carries(Side::Client, carries).later(&mut facts, CLOSE_WAIT, LAST_ACK);
        assert_eq!(classified(&facts).verdict, verdict, "{carries} bytes");
    }
}

#[test]
fn a_failed_handshake_has_the_alerts_number_where_it_is_clear() {
    let failed = |end: Talk, number| {
        let close = classified(&end.handshake_fails(Side::Client, number).closes());
        (close.cause, close.tls_alert.and_then(|alert| alert.name))
    };
    assert_eq!(failed(client(), Some(48)), (Cause::TlsAlert, Some("unknown_ca".to_owned())));
    assert_eq!(failed(client(), None), (Cause::TlsAlert, None));
}

#[test]
fn in_clear_text_the_servers_goaway_ends_it_and_the_fin_of_either_side_answers() {
    for end in [client(), server()] {
        let talk = end.http2().streams(1, 375).answers(&goaway(1, 0, "")).waits(250);
        for facts in [talk.clone().closes(), talk.gets_fin()] {
            let close = classified(&facts);
            assert_eq!(said(&close), (Verdict::ServerIdle, Closer::Server, Some(1.5)), "{close:#?}");
            assert_eq!((close.cause, close.confidence), (Cause::H2Goaway, Confidence::Exact));
        }
    }
}

#[test]
fn a_goaway_behind_which_a_stream_ends_announces_the_end() {
    let asked = client().http2().streams(1, 10).asks(&frame(HEADERS, WHOLE, 3, "ask")).waits(1);
    let answered = asked.answers(&goaway(3, 0, "")).waits(5).answers(&frame(HEADERS, WHOLE, 3, "answer"));
    assert_eq!(classified(&answered.waits(1).closes()).closer, Closer::Client);
}

#[test]
fn a_call_that_was_given_up_ends_the_time_in_which_one_was_open() {
    let asked = client().http2().streams(1, 100).asks(&frame(HEADERS, WHOLE, 3, "ask")).waits(100);
    let talk = asked.asks(&frame(RST_STREAM, 0, 3, "\0\0\0\u{8}")).waits(75);
    assert_eq!(said(&classified(&talk.closes())), (Verdict::ClientIdle, Closer::Client, Some(0.3)));
}

#[test]
fn a_goaway_with_an_error_ends_an_idle_connection_too() {
    let ended = |end: Talk, words: &str| {
        end.http2().streams(1, 150).answers(&goaway(1, 2, words)).waits(1).asks(&goaway(0, 0, "bye"))
    };
    for (words, cause) in [
        ("connection idle", Cause::KeepaliveTimer),
        ("Cancelling all calls", Cause::Shutdown),
        ("out of order", Cause::H2Goaway),
    ] {
        for facts in [ended(client(), words).waits(3).closes(), ended(server(), words).waits(3).gets_fin()] {
            let close = classified(&facts);
            assert_eq!(said(&close), (Verdict::ServerIdle, Closer::Server, Some(0.6)), "{words}");
            assert_eq!((close.cause, close.confidence), (cause, Confidence::Exact), "{words}");
        }
    }
    // With a stream open it fails that too.
    let open =
        client().http2().asks(&frame(HEADERS, WHOLE, 1, "ask")).answers(&goaway(1, 2, "connection idle"));
    assert_eq!(classified(&open.waits(3).closes()).verdict, Verdict::PrematureHangup);
}

#[test]
fn a_clients_goaway_ends_an_idle_connection_whoever_sends_the_first_fin() {
    let ended = |end: Talk| end.http2().streams(1, 150).asks(&goaway(0, 0, "")).waits(3);
    for facts in [ended(client()).gets_fin(), ended(server()).closes()] {
        let close = classified(&facts);
        assert_eq!(said(&close), (Verdict::ClientIdle, Closer::Client, Some(0.6)));
        assert_eq!(close.confidence, Confidence::Exact);
    }
    // The server's answer in the same tick of the clock; of each side only the newest is known.
    let answered = |end: Talk| end.http2().streams(1, 150).asks(&goaway(0, 0, "")).answers(&goaway(1, 0, ""));
    for facts in [answered(client()).waits(3).closes(), answered(server()).waits(3).closes()] {
        let close = classified(&facts);
        assert_eq!(said(&close), (Verdict::ClientIdle, Closer::Client, Some(0.6)));
        assert_eq!(close.confidence, Confidence::Probable);
    }
    let first = client().http2().streams(1, 150).answers(&goaway(1, 0, "")).asks(&goaway(0, 0, ""));
    assert_eq!(said(&classified(&first.waits(3).closes())), (Verdict::ServerIdle, Closer::Server, Some(0.6)));
    // What is open then ends first.
    let open = client().http2().asks(&frame(HEADERS, WHOLE, 1, "ask")).asks(&goaway(0, 0, "")).waits(100);
    let close = classified(&open.answers(&frame(HEADERS, WHOLE, 1, "answer")).waits(3).gets_fin());
    assert_eq!((close.verdict, close.closer), (Verdict::Completed, Closer::Server));
}

/// A server that sends one session ticket sends it while the first request is under way.
#[test]
fn nobody_knows_whether_a_ticket_was_an_answer() {
    let asked =
        |end: Talk| end.encrypted_13(&[]).carries(Side::Client, 80).waits(1).carries(Side::Server, 162);
    for end in [client(), server()] {
        let talk = asked(end).waits(500);
        let silent = [
            talk.clone().closes(),
            talk.clone().gets_fin(),
            talk.carries(Side::Server, 2).waits(99).closes(),
        ];
        for facts in silent {
            let close = classified(&facts);
            assert_eq!((close.verdict, close.phase), (Verdict::Unknown, Phase::Unknown), "{close:#?}");
        }
    }
    let prompt = classified(&asked(client()).waits(5).closes());
    assert_eq!(prompt.verdict, Verdict::Completed, "nobody gives up so soon");
}

#[test]
fn a_call_that_was_given_up_in_tls_is_not_open() {
    let gave_up =
        |end: Talk| served_http2(end, 100).carries(Side::Client, 60).waits(100).carries(Side::Client, 13);
    for facts in [gave_up(client()).waits(75).closes(), gave_up(server()).waits(75).gets_fin()] {
        assert_eq!(said(&classified(&facts)), (Verdict::ClientIdle, Closer::Client, Some(0.3)));
    }
    let left = classified(&gave_up(client()).closes());
    assert_eq!(left.verdict, Verdict::PrematureHangup, "together with the connection");
}

#[test]
fn postgresql_ends_a_session_in_tls_with_an_error_and_behind_no_answer() {
    let spoken = || {
        let startup = server().in_another_protocol().asks_raw(b"\0\0\0\x09\0\x03\0\0\0");
        startup.closes().conversation
    };
    let greeted = || server().encrypted_13(&[]).carries(Side::Client, 80).waits(1).carries(Side::Server, 400);
    let queried = || greeted().waits(9).carries(Side::Client, 40);
    let verdict = |talk: Talk| {
        let mut facts = talk.closes();
        facts.conversation = spoken();
        let close = classified(&facts);
        (close.verdict, close.phase)
    };
    let hung_up = (Verdict::PrematureHangup, Phase::Waiting);
    assert_eq!(verdict(queried().waits(300).carries(Side::Server, 110)), hung_up);
    assert_eq!(verdict(queried().waits(300).carries(Side::Server, 110).carries(Side::Server, 2)), hung_up);
    let idle = (Verdict::ServerIdle, Phase::Idle);
    assert_eq!(verdict(queried().waits(1).carries(Side::Server, 90).waits(300)), idle);
    let refused = server().encrypted_13(&[]).carries(Side::Client, 80).waits(1).carries(Side::Server, 110);
    assert_ne!(verdict(refused), hung_up, "a wrong password");
}

#[test]
fn a_goaway_with_words_ends_the_idle_time_that_a_message_would_begin_anew() {
    for end in [client(), server()] {
        let talk = served_http2(end, 375).carries(Side::Server, 24).carries(Side::Server, 2);
        for facts in [talk.clone().closes(), talk.gets_fin()] {
            let close = classified(&facts);
            assert_eq!(said(&close), (Verdict::ServerIdle, Closer::Server, Some(1.5)), "{close:#?}");
        }
    }
}
