use super::*;
use crate::close::sample::{Talk, client, server};

fn records(talk: &Talk) -> Records {
    Records::of(&talk.exchange)
}

fn standing(talk: &Talk) -> Turns {
    let all = records(talk);
    all.turns(all.count()).expect("all records are kept")
}

#[test]
fn http2_is_known_by_what_the_client_offers_and_a_settings_acknowledgment() {
    for talk in [client(), server()] {
        assert!(records(&talk.clone().encrypted_http2()).is_http2);
        assert!(!records(&talk.clone().encrypted_13(&["http/1.1"]).carries(Side::Client, 9)).is_http2);
        assert!(!records(&talk.clone().encrypted_13(&[]).carries(Side::Client, 9)).is_http2);
        assert!(!records(&talk.clone().encrypted_13(&["h2"]).carries(Side::Client, 300)).is_http2);
        let second =
            talk.encrypted_13(&["http/1.1", "h2"]).carries(Side::Client, 200).carries(Side::Server, 9);
        assert!(records(&second).is_http2);
    }
}

#[test]
fn the_preface_and_settings_ask_for_nothing() {
    assert_eq!(standing(&client().encrypted_http2()), Turns::default());
    assert_eq!(client().encrypted_http2().exchange.begun, 0);
}

#[test]
fn a_request_that_comes_with_the_preface_is_known_by_its_answer() {
    // 24 of preface, 27 of SETTINGS, and HEADERS: of a length of its own, or by chance of one that SETTINGS could have.
    for carries in [24 + 27 + 44, 24 + 27 + 42] {
        let hello = client().encrypted_13(&["h2"]).carries(Side::Client, carries);
        let greeted =
            hello.waits(1).carries(Side::Server, 27).carries(Side::Server, 9).carries(Side::Client, 9);
        let answered = standing(&greeted.waits(1).carries(Side::Server, 80));
        assert_eq!((answered.begun, answered.answered), (1, 1), "{carries} bytes");
    }
}

/// Node sends the preface, SETTINGS and HEADERS in one record: 24, 9 and 30 bytes.
#[test]
fn whether_a_request_came_with_the_preface_is_not_known_before_an_answer() {
    let hello =
        client().encrypted_13(&["h2"]).carries(Side::Client, 24 + 9 + 30).waits(1).carries(Side::Server, 30);
    let greeted = records(&hello.clone().carries(Side::Client, 9));
    assert!(greeted.may_hide_a_request(greeted.count()));
    // What the server says first is no GOAWAY, however long it is.
    let now = hello.socket.header.jiffies;
    assert_eq!(greeted.last_word(End { by: Some(Side::Client), at: now }), None);
    let answered = records(&hello.carries(Side::Client, 9).carries(Side::Server, 80));
    assert!(!answered.may_hide_a_request(answered.count()));
    let alone = client().encrypted_13(&["h2"]).carries(Side::Client, 24 + 9).carries(Side::Server, 30);
    let alone = records(&alone.carries(Side::Client, 9));
    assert!(!alone.may_hide_a_request(alone.count()), "there is no room for one");
    let node = client().encrypted_13(&["h2"]).carries(Side::Client, 24 + 9 + 30).carries(Side::Server, 57);
    let node = records(&node.carries(Side::Client, 9));
    assert!(!node.may_hide_a_request(node.count()), "the answer may have come with SETTINGS");
}

#[test]
fn a_server_may_greet_in_several_records() {
    // Granian: a ticket, SETTINGS, and an acknowledgment with a WINDOW_UPDATE.
    let hello = client().encrypted_13(&["h2"]).carries(Side::Client, 24 + 9 + 30).carries(Side::Server, 162);
    let greeted = hello.carries(Side::Server, 33).carries(Side::Server, 22).carries(Side::Client, 9);
    assert_eq!(standing(&greeted).begun, 0);
    assert_eq!(standing(&greeted.waits(20).carries(Side::Server, 80)).answered, 1);
}

/// An acknowledgment cannot be in the client's first record where it comes by itself, or before the server's SETTINGS.
#[test]
fn a_first_record_that_holds_more_than_settings_is_a_request() {
    let hello = client().encrypted_13(&["h2"]).carries(Side::Client, 24 + 9 + 33);
    let asked = hello.waits(1).carries(Side::Server, 30).carries(Side::Client, 9);
    assert!(standing(&asked).is_open());
}

/// nginx and Node over TLS 1.2: each sends its acknowledgment in one record with what follows.
#[test]
fn a_server_that_greets_speaks_http2() {
    let greeted = client().encrypted_13(&["h2", "http/1.1"]).carries(Side::Server, 40);
    let asked = greeted.waits(3).carries(Side::Client, 24 + 9 + 9 + 31).waits(1).carries(Side::Server, 120);
    let served = asked.carries(Side::Server, 15).waits(100);
    assert!(records(&served).is_http2);
    assert!(!standing(&served.carries(Side::Client, 17)).is_open(), "a GOAWAY");
    let other =
        client().encrypted_13(&["h2", "http/1.1"]).carries(Side::Server, 250).carries(Side::Client, 40);
    assert!(!records(&other).is_http2, "a ticket");
}

#[test]
fn a_server_that_ends_it_right_behind_the_clients_goaway_only_answers() {
    let served =
        client().encrypted_http2().carries(Side::Client, 60).waits(2).carries(Side::Server, 300).waits(100);
    let word = |talk: &Talk, by: Side| {
        let now = talk.socket.header.jiffies;
        records(talk).last_word(End { by: Some(by), at: now }).map(|word| (word.by, word.what))
    };
    for frame in [17, 34] {
        let left = served.clone().carries(Side::Client, frame).waits(1);
        let by_client = Some((Side::Client, Word::Goaway));
        assert_eq!(word(&left.clone().carries(Side::Server, 2), Side::Server), by_client, "close_notify");
        assert_eq!(word(&left.clone(), Side::Server), by_client, "a FIN");
        let answers = left.clone().carries(Side::Server, 34).carries(Side::Server, 2);
        assert_eq!(word(&answers, Side::Server), by_client, "a GOAWAY in answer");
        assert_eq!(word(&left.clone().waits(50), Side::Server), None, "a PING, and much later an end");
    }
    // Node's client answers a GOAWAY with its own, and the server's FIN may be the first.
    let answered = served.clone().carries(Side::Server, 17).carries(Side::Client, 17).waits(1);
    assert_eq!(word(&answered, Side::Server), Some((Side::Server, Word::Goaway)));
    assert_eq!(word(&answered.waits(50), Side::Client), None, "a PING and its answer");
    let pinged = served.carries(Side::Client, 17).waits(1).carries(Side::Server, 17);
    assert_eq!(word(&pinged, Side::Client), None, "a PING and its answer");
}

/// Hypercorn sends a body of two bytes in a record of its own, which is as long as an alert.
#[test]
fn a_short_end_of_a_message_is_no_habit() {
    let asks = |talk: Talk| {
        let asked = talk.waits(100).carries(Side::Client, 80).waits(1);
        asked.carries(Side::Server, 96).carries(Side::Server, 2)
    };
    let served = asks(asks(client().encrypted_13(&[])));
    let word = |talk: &Talk| {
        let now = talk.socket.header.jiffies;
        records(talk).last_word(End { by: Some(Side::Client), at: now }).map(|word| word.by)
    };
    assert_eq!(word(&served.clone().waits(200)), None, "the newest body");
    assert_eq!(word(&served.clone().waits(200).carries(Side::Server, 2)), Some(Side::Server));
    // Two bytes by themselves are what this side says now and then.
    let pings = asks(served.waits(200).carries(Side::Server, 2)).waits(200).carries(Side::Server, 2);
    assert_eq!(word(&pings), None);
}

#[test]
fn settings_may_be_empty() {
    // Node: SETTINGS of 9 bytes, and an answer as long as others' SETTINGS.
    let hello = client().encrypted_13(&["h2"]).carries(Side::Server, 265).carries(Side::Server, 265);
    let asked = hello.carries(Side::Client, 58).waits(1).carries(Side::Server, 9);
    let answered = standing(&asked.carries(Side::Server, 58).waits(1).carries(Side::Client, 9));
    assert_eq!((answered.begun, answered.answered), (1, 1));
}

#[test]
fn control_frames_are_neither_requests_nor_answers() {
    let served =
        client().encrypted_http2().carries(Side::Client, 60).waits(2).carries(Side::Server, 300).waits(100);
    let before = standing(&served);
    assert_eq!((before.begun, before.answered), (1, 1));
    for frame in [9, 13, 17, 26, 30, 34] {
        for by in [Side::Client, Side::Server] {
            let after = served.clone().carries(by, frame).waits(5);
            assert_eq!(standing(&after), before, "{frame} bytes by the {by}");
            assert_eq!((after.exchange.begun, after.exchange.answered), (1, 1));
        }
    }
}

#[test]
fn a_request_as_small_as_a_control_frame_is_known_by_its_answer() {
    let served =
        client().encrypted_http2().carries(Side::Client, 60).waits(2).carries(Side::Server, 300).waits(100);
    let again = served.carries(Side::Client, 17).waits(7).carries(Side::Server, 250).waits(1);
    let turns = standing(&again);
    assert_eq!((turns.begun, turns.answered), (2, 2));
    assert_eq!(turns.answered_at.zip(turns.asked_at).map(|(answer, ask)| answer - ask), Some(7));
    assert_eq!((again.exchange.begun, again.exchange.answered, again.exchange.reuses), (2, 2, 1));
    assert_eq!(again.exchange.gap, 100);
}

#[test]
fn what_follows_an_answer_at_once_is_more_of_it() {
    let asked = client().encrypted_http2().carries(Side::Client, 60).waits(2).carries(Side::Server, 5000);
    let more = asked.carries(Side::Client, 13).waits(1).carries(Side::Server, 5000);
    assert_eq!((standing(&more).begun, more.exchange.begun), (1, 1));
}

#[test]
fn tickets_are_no_answer() {
    let asked = client().encrypted_13(&[]).carries(Side::Client, 80);
    let tickets = asked.carries(Side::Server, 234).carries(Side::Server, 234).waits(3);
    assert!(standing(&tickets).is_open());
    assert!(!standing(&tickets.carries(Side::Server, 500)).is_open());
}

#[test]
fn a_full_record_at_the_end_means_that_more_was_to_come() {
    let asked = client().encrypted_13(&[]).carries(Side::Client, 80).waits(1);
    assert!(records(&asked.clone().carries(Side::Server, 1 << 14)).goes_on());
    assert!(!records(&asked.carries(Side::Server, 1 << 14).carries(Side::Server, 700)).goes_on());
}

#[test]
fn a_stream_of_events_differs_from_a_download_and_from_an_idle_connection() {
    let stream = |pause: u32, pieces: usize| {
        let asked = client().encrypted_13(&[]).carries(Side::Client, 80);
        (0..pieces).fold(asked, |talk, _| talk.waits(pause).carries(Side::Server, 60))
    };
    let ends = |talk: &Talk, after: u32| records(talk).is_stream(talk.socket.header.jiffies + after);
    assert!(ends(&stream(25, 5), 20));
    assert!(!ends(&stream(25, 5), 100), "it was quiet for long");
    assert!(!ends(&stream(1, 20), 1), "pieces of one answer");
    assert!(!ends(&stream(25, 2), 20), "too few to tell");
}

/// Whatever the records are, nothing panics, and the newest are in the order in which they passed.
#[test]
fn any_records_are_read() {
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..500 {
        let mut talk = if rng.bool() { client() } else { server() }.encrypted_13(&["h2"]);
        for _ in 0..rng.usize(..120) {
            let by = if rng.bool() { Side::Client } else { Side::Server };
            let sizes = [2, 9, 13, 17, 26, 30, 34, rng.usize(..200), rng.usize(..16_384)];
            talk = talk.carries(by, sizes[rng.usize(..sizes.len())]).waits(rng.u32(..3));
        }
        let all = records(&talk);
        assert!(all.list.len() <= 2 * TLS_RECORDS);
        assert!(all.list.windows(2).all(|pair| pair[0].at <= pair[1].at));
        assert!(all.list.windows(2).all(|pair| pair[0].order < pair[1].order));
        let now = talk.socket.header.jiffies;
        for by in [None, Some(Side::Client), Some(Side::Server)] {
            let word = all.last_word(End { by, at: now });
            assert!(word.is_none_or(|word| word.before < all.count()));
        }
        for before in 0..=all.count() {
            let turns = all.newest_turns(before);
            assert!(turns.answered <= turns.begun && turns.begun <= turns.answered + 1);
        }
    }
}

#[test]
fn one_record_right_behind_the_handshake_may_be_a_ticket() {
    let asked = |tickets: usize| {
        let hello = (0..tickets).fold(client().encrypted_13(&[]), |talk, _| talk.carries(Side::Server, 234));
        hello.carries(Side::Client, 80).waits(1)
    };
    let may_be = |talk: &Talk| standing(talk).may_be_ticket;
    assert!(may_be(&asked(0).carries(Side::Server, 162)));
    assert!(!may_be(&asked(1).carries(Side::Server, 162)), "it had come before");
    assert!(!may_be(&asked(0).waits(100).carries(Side::Server, 162)), "a ticket comes at once");
    assert!(!may_be(&asked(0).carries(Side::Server, 162).waits(9).carries(Side::Server, 300)));
    let used = asked(0).carries(Side::Server, 162).waits(9).carries(Side::Client, 80).waits(1);
    assert!(!may_be(&used.carries(Side::Server, 300)));
}

#[test]
fn what_is_as_long_as_a_rst_stream_gives_the_only_call_up() {
    let asked = client().encrypted_http2().carries(Side::Client, 60);
    let given_up = |talk: &Talk| standing(talk).given_up_at;
    let gave_up = asked.clone().waits(50).carries(Side::Client, 13);
    assert_eq!(given_up(&gave_up), Some(gave_up.socket.header.jiffies));
    assert_eq!(given_up(&asked.clone().waits(1).carries(Side::Client, 13)), None, "room for the answer");
    assert_eq!(given_up(&asked.waits(1).carries(Side::Server, 300).waits(9).carries(Side::Client, 13)), None);
    let again = standing(&gave_up.waits(50).carries(Side::Client, 60));
    assert_eq!((again.begun, again.answered, again.given_up_at), (2, 1, None));
}

/// Granian: HEADERS of fields that are all in the table, and DATA of five bytes.
#[test]
fn an_answer_may_be_as_short_as_two_control_frames() {
    let served =
        client().encrypted_http2().carries(Side::Client, 60).waits(1).carries(Side::Server, 59).waits(9);
    let answered = served.clone().carries(Side::Client, 43).waits(1).carries(Side::Server, 30);
    assert!(!standing(&answered).is_open());
    let now = answered.socket.header.jiffies;
    assert_eq!(records(&answered).last_word(End { by: Some(Side::Server), at: now }), None, "no GOAWAY");
    // With data of the client's it may be a WINDOW_UPDATE and a PING (gRPC).
    let called = served.carries(Side::Client, 43).carries(Side::Client, 200).waits(1);
    assert!(standing(&called.carries(Side::Server, 30)).is_open());
}

#[test]
fn what_asks_for_nothing_is_known_by_what_protection_adds() {
    let known = records(&client().encrypted_13(&[]).carries(Side::Client, 80));
    let asks_for_nothing = |carries: u16, more: u32| {
        let record = carries + 17;
        let [high, low] = record.to_be_bytes();
        known.asks_for_nothing(&[23, 3, 3, high, low], u32::from(record) + 5 + more)
    };
    assert_eq!(asks_for_nothing(2, 0), Some(true), "an alert");
    assert_eq!(asks_for_nothing(5, 0), Some(true), "PostgreSQL's Terminate");
    assert_eq!(asks_for_nothing(5, 24), Some(true), "and an alert behind it");
    assert_eq!(asks_for_nothing(9, 0), Some(false), "31 bytes in all");
    assert_eq!(asks_for_nothing(5, 60), Some(false), "and something else");
    assert_eq!(known.asks_for_nothing(&[21, 3, 3, 0, 26], 31), Some(true), "TLS 1.2 says what it is");
    assert_eq!(
        [24, 29, 51, 31].map(|len| known.may_ask_for_nothing(len)),
        [true, true, true, false].map(Some)
    );
}

/// Apache says "timeout", h2o more; both end the connection with it.
#[test]
fn a_goaway_may_have_words() {
    let served = client().encrypted_http2().carries(Side::Client, 60).waits(2).carries(Side::Server, 300);
    let word = |talk: &Talk| {
        let now = talk.socket.header.jiffies;
        records(talk)
            .last_word(End { by: Some(Side::Server), at: now })
            .map(|word| (word.what, word.has_words))
    };
    let said = Some((Word::Goaway, true));
    for words in [7, 41] {
        let ended = served.clone().waits(375).carries(Side::Server, 17 + words);
        assert_eq!(word(&ended), said);
        assert_eq!(word(&ended.clone().carries(Side::Server, 2)), said);
        assert_eq!(word(&ended.waits(50)), None, "it did not end then");
    }
    assert_eq!(word(&served.clone().waits(5).carries(Side::Server, 24)), None, "more of an answer");
    let asked = served.waits(100).carries(Side::Client, 60).waits(100);
    assert_eq!(word(&asked.carries(Side::Server, 58)), None, "an answer");
}
