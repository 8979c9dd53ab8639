use whohungup_ebpf::{
    conversation::Conversation,
    event::{RESET_RECEIVED, Reset},
    exchange::{IN, OUT},
    framing::sample::converse,
};
use zerocopy::FromZeros as _;

use super::*;
use crate::close::facts::{CLOSE_WAIT, FIN_WAIT2, LAST_ACK};

/// A server that closed its idle connection, and one segment that came afterwards.
fn met_by(talk: Talk, payload: u32, behind_fin: i32) -> Facts {
    let mut facts = talk.closes();
    let ack_seq = facts.first.write_seq.wrapping_add_signed(behind_fin);
    facts.resets.push(late_segment(&facts.first, payload, ack_seq));
    facts
}

#[test]
fn at_the_server_the_acknowledgment_tells_crossed_from_stale() {
    for (behind_fin, race) in [(-36, "crossed"), (0, "crossed"), (1, "stale")] {
        let want = format!("idle-race SI fin idle unknown {race} exact http");
        assert_eq!(summary(&met_by(server().served(1250), 35, behind_fin)), want, "{behind_fin}");
        let want = format!("idle-race SI fin idle unknown {race} probable turns");
        assert_eq!(
            summary(&met_by(server().served(1250).unobserved(), 35, behind_fin)),
            want,
            "{behind_fin}"
        );
    }
    let mut facts = server().served(1250).resets();
    facts.resets.push(late_segment(&facts.first, 35, facts.first.write_seq));
    assert_eq!(summary(&facts), "idle-race SI rst idle unknown crossed exact http");
}

#[test]
fn at_the_server_only_a_late_request_makes_a_race() {
    let idle = "server-idle SI fin idle unknown - exact http";
    assert_eq!(summary(&met_by(server().served(1250), 0, 0)), idle);
    let closed = server().served(1250).closes();
    let late = late_segment(&closed.first, 35, closed.first.write_seq);
    for (index, spoil) in
        [|late: &mut Reset| late.direction = RESET_RECEIVED, |late: &mut Reset| late.has_segment = 0]
            .into_iter()
            .enumerate()
    {
        let (mut facts, mut late) = (closed.clone(), late);
        spoil(&mut late);
        facts.resets.push(late);
        assert_eq!(summary(&facts), idle, "{index}");
    }
}

#[test]
fn a_late_message_of_a_protocol_that_is_not_read_counts_unless_it_is_a_goodbye() {
    let quiet = || server().served(1250).unobserved();
    let idle = "server-idle SI fin idle unknown - probable turns";
    let met = |text: &[u8], flags: u8| {
        let mut facts = quiet().closes();
        let mut late = late_segment(&facts.first, text.len() as u32, facts.first.write_seq + 1);
        let kept = text.len().min(16);
        late.first[..kept].copy_from_slice(&text[..kept]);
        late.tcp_flags = flags;
        facts.resets.push(late);
        summary(&facts)
    };
    let close_notify = [&[0x15, 3, 3, 0, 26][..], &[7; 26]].concat();
    assert_eq!(met(&close_notify, 0x18), idle);
    assert_eq!(met(b"\x01\0\0\0\x01", 0x18), idle, "COM_QUIT");
    let race = "idle-race SI fin idle unknown stale probable turns";
    assert_eq!(met(b"\x09\0\0\0\x03select 1", 0x18), race, "COM_QUERY");
    assert_eq!(met(b"QQQQQQQQQQQQQQ", 0x18), race);
    assert_eq!(met(&[b'x'; 100], 0x19), idle, "its sender had closed too");

    let written = |text: &str, first: Option<&[u8]>| {
        let talk = client().served(1250).unobserved();
        let mut facts = talk.clone().gets_fin();
        talk.fin_came().asks(text).later(&mut facts, CLOSE_WAIT, LAST_ACK);
        facts.conversation_after = first.map(|text| {
            let mut written = Conversation::new_zeroed();
            converse(&mut written, OUT, facts.first.write_seq, text, 0);
            Box::new(written)
        });
        summary(&facts)
    };
    assert_eq!(written("1234567890123456789012345678901", Some(&close_notify)), idle);
    assert_eq!(written("12345", None), idle);
    assert_eq!(written("select 1", None), race);
    assert_eq!(written(GET, Some(GET.as_bytes())), race);
}

#[test]
fn the_first_request_that_was_seen_of_an_older_connection_can_race() {
    let mut older = server();
    // What was said before the agent came.
    older.move_bytes(IN, 500);
    older.move_bytes(OUT, 900);
    let mut facts = older.waits(500).asks(GET).unread().resets();
    (facts.preexisting, facts.opened_ns) = (true, None);
    assert_eq!(summary(&facts), "idle-race SW rst waiting unread-data unread exact http");
    assert_eq!(judge(&facts).requests, None, "what was served before is not known");
}

#[test]
fn a_first_request_cannot_race() {
    assert_eq!(
        summary(&met_by(server().waits(500), 35, 0)),
        "server-idle SU fin unused unknown - exact turns"
    );
    let first = |talk: Talk| talk.waits(500).asks(GET);
    assert_eq!(
        summary(&first(client()).unacked(0).gets_fin()),
        "premature-hangup SW fin waiting unknown - exact http"
    );
    assert_eq!(
        summary(&first(server()).unread().resets()),
        "premature-hangup SW rst waiting unread-data - exact http"
    );
    assert_eq!(summary(&first(client()).fails(104)), "premature-hangup SW rst waiting unknown - exact http");
    assert_eq!(summary(&first(client()).closes()), "premature-hangup CW fin waiting unknown - exact http");
    let two = |talk: Talk| talk.waits(500).asks(GET).asks(GET);
    assert_eq!(
        summary(&two(server()).unread().resets()),
        "premature-hangup SW rst waiting unread-data - exact http",
        "nothing had been answered"
    );
    assert_eq!(summary(&two(client()).fails(104)), "premature-hangup SW rst waiting unknown - exact http");
    assert_eq!(summary(&two(client()).closes()), "premature-hangup CW fin waiting unknown - exact http");
}

#[test]
fn at_the_client_a_fin_that_leaves_the_request_unacknowledged_crossed_it() {
    let asked = |talk: Talk| talk.served(1250).asks(GET);
    assert_eq!(
        summary(&asked(client()).unacked(0).gets_fin()),
        "idle-race SW fin waiting unknown crossed exact http"
    );
    assert_eq!(
        summary(&asked(client()).unacked(0).unobserved().gets_fin()),
        "idle-race SW fin waiting unknown crossed probable turns"
    );
    let premature = "premature-hangup SW fin waiting unknown - probable http";
    assert_eq!(summary(&asked(client()).gets_fin()), premature, "the server had it");
    assert_eq!(summary(&asked(client()).unacked(1).gets_fin()), premature, "the server had its beginning");
    let begun = asked(client()).answers(EARLY).gets_fin();
    assert_eq!(summary(&begun), "premature-hangup SR fin response truncated - exact http");
}

#[test]
fn at_the_client_a_request_written_after_the_fin_is_stale() {
    let talk = client().served(1250);
    let mut facts = talk.clone().gets_fin();
    let mut late = talk.fin_came().waits(750).asks(GET);
    late.socket.err = 32;
    late.clone().later(&mut facts, CLOSE_WAIT, CLOSE);
    facts.exchange_after = Some(Box::new(late.exchange));
    assert_eq!(summary(&facts), "idle-race SI fin idle unknown stale exact http");
    let text = judge(&facts).evidence.join("\n");
    assert!(text.contains("3.000 s after the FIN"), "{text}");
}

#[test]
fn at_the_client_a_quiet_answer_to_the_fin_is_no_race() {
    let idle = "server-idle SI fin idle unknown - exact http";
    let talk = client().served(1250);
    let mut facts = talk.clone().gets_fin();
    assert_eq!(summary(&facts), idle, "still open");
    talk.clone().fin_came().waits(2).later(&mut facts, CLOSE_WAIT, LAST_ACK);
    assert_eq!(summary(&facts), idle, "nothing written");
    let mut noise = talk.fin_came().waits(2);
    noise.move_bytes(1, 64);
    noise.later(&mut facts, CLOSE_WAIT, LAST_ACK);
    assert_eq!(summary(&facts), idle, "written, but no request");
}

#[test]
fn at_the_server_a_request_that_had_just_come_unread_was_met_by_the_reset() {
    let reset = |ticks| server().served(1250).asks(GET).unread().waits(ticks).resets();
    assert_eq!(summary(&reset(5)), "idle-race SW rst waiting unread-data unread exact http");
    // However long it lay: a loop that is blocked runs its timers before it reads.
    assert_eq!(summary(&reset(600)), "idle-race SW rst waiting unread-data unread exact http");
    let mut killed = reset(600);
    (killed.first.task.flags, killed.first.task.exit_code) = (4, 9);
    assert_eq!(summary(&killed), "premature-hangup SW rst waiting process-killed - exact http");
    let mut partly = server().served(1250).asks(GET).unread();
    partly.socket.copied_seq = partly.socket.copied_seq.wrapping_add(1);
    assert_eq!(
        summary(&partly.resets()),
        "premature-hangup SW rst waiting unread-data - exact http",
        "begun to read"
    );
    let turns = server().served(1250).asks(GET).unread().waits(5).unobserved().resets();
    assert_eq!(summary(&turns), "idle-race SW rst waiting unread-data unread probable turns");
}

#[test]
fn at_the_client_a_reset_instead_of_an_answer_is_a_race_for_a_round_trip() {
    let reset = |ticks| client().served(1250).asks(GET).waits(ticks).fails(104);
    assert_eq!(summary(&reset(5)), "idle-race SW rst waiting unknown unread probable http");
    assert_eq!(summary(&reset(6)), "premature-hangup SW rst waiting unknown - probable http");
    // The server had said how long it waits, and that time was over, or was not.
    let announced = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nhi";
    let reset =
        |idle, ticks| client().asks(GET).answers(announced).waits(idle).asks(GET).waits(ticks).fails(104);
    assert_eq!(summary(&reset(1000, 400)), "idle-race SW rst waiting unknown unread probable http");
    assert_eq!(summary(&reset(600, 1)), "premature-hangup SW rst waiting unknown - probable http");
    let begun = client().served(1250).asks(GET).answers(EARLY).fails(104);
    assert_eq!(summary(&begun), "premature-hangup SR rst response truncated - exact http");
}

#[test]
fn a_client_that_closes_as_it_writes_raced_its_own_timer() {
    let race = "idle-race CW fin waiting unknown own-timer probable http";
    let asked = |ticks| move |talk: Talk| talk.served(1250).asks(GET).waits(ticks);
    assert_eq!(by_client(asked(0)), [race; 2]);
    assert_eq!(by_client(asked(1)), [race; 2]);
    assert_eq!(by_client(asked(2)), ["premature-hangup CW fin waiting unknown - exact http"; 2]);
    let busy = |talk: Talk| talk.served(12).asks(GET);
    assert_eq!(
        by_client(busy),
        ["premature-hangup CW fin waiting unknown - exact http"; 2],
        "it had not been idle for as long as any timer runs"
    );
    assert_eq!(
        summary(&asked(0)(client()).resets()),
        "premature-hangup CW rst waiting unknown - exact http",
        "a timer closes with a FIN"
    );
    assert_eq!(
        summary(&asked(0)(client()).stops_sending()),
        "unknown CW fin waiting unknown - probable http",
        "it may still read"
    );
    let mut exiting = asked(0)(client());
    // PF_EXITING, include/linux/sched.h
    exiting.socket.task.flags = 4;
    assert_eq!(
        summary(&exiting.closes()),
        "premature-hangup CW fin waiting process-exit - exact http",
        "a process that ends has no timer"
    );
    let turns = |talk: Talk| asked(0)(talk).unobserved();
    assert_eq!(by_client(turns), ["completed CI fin idle unknown - probable turns"; 2], "as a goodbye does");
}

#[test]
fn an_answer_that_nobody_was_left_to_read_does_not_undo_the_clients_own_timer() {
    let race = "idle-race CW fin waiting unknown own-timer probable http";
    let talk = client().served(1250).asks(GET);
    let mut facts = talk.clone().closes();
    talk.waits(3).answers(OK).later(&mut facts, FIN_WAIT2, CLOSE);
    assert_eq!(summary(&facts), race);

    let talk = server().served(1250).asks(GET);
    let mut facts = talk.clone().gets_fin();
    talk.fin_came().waits(3).answers(OK).later(&mut facts, CLOSE_WAIT, CLOSE);
    let mut failed = facts.clone();
    failed.last.as_mut().expect("a later step").err = 32;
    assert_eq!(summary(&failed), race);
    let reset = late_segment(&facts.first, 0, 0);
    facts.resets.push(Reset { direction: RESET_RECEIVED, ..reset });
    assert_eq!(summary(&facts), race);
}

#[test]
fn a_request_that_waited_behind_the_closing_process_crossed_the_fin() {
    let closed = |talk: Talk, taken: bool| {
        let before = talk.clone().closes().first;
        let mut facts = talk.asks(GET).closes();
        if !taken {
            // The framing has seen it, the socket has not.
            facts.first.rcv_nxt = before.rcv_nxt;
            facts.first.copied_seq = before.copied_seq;
        }
        summary(&facts)
    };
    let idle = || server().served(1250);
    assert_eq!(closed(idle(), false), "idle-race SW fin waiting unknown crossed exact http");
    assert_eq!(closed(idle(), true), "premature-hangup SW fin waiting unknown - probable http");
    // Another had been waiting before it: that one was not idle.
    assert_eq!(closed(idle().asks(GET), false), "premature-hangup SW fin waiting unknown - exact http");
}

#[test]
fn a_request_of_which_half_lies_unread_and_half_is_on_its_way_in_was_not_read() {
    const POST_WHOLE: &str = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde";
    let talk = server().served(1250);
    let start = talk.socket.rcv_nxt;
    let mut facts = talk.asks(POST_WHOLE).unread().resets();
    facts.first.rcv_nxt = start.wrapping_add(30);
    assert_eq!(summary(&facts), "idle-race SW rst waiting unread-data unread exact http");
    facts.first.copied_seq = start.wrapping_add(10);
    assert_eq!(summary(&facts), "premature-hangup SW rst waiting unread-data - exact http");
}

#[test]
fn a_request_that_a_lingering_server_throws_away_is_lost_without_a_reset() {
    let met = |behind_fin: i32| {
        let talk = server().served(1250);
        let mut facts = talk.clone().stops_sending();
        let mut asked = talk.waits(3).asks(GET);
        asked.exchange.request_ack = facts.first.write_seq.wrapping_add_signed(behind_fin);
        asked.later(&mut facts, FIN_WAIT2, CLOSE);
        summary(&facts)
    };
    assert_eq!(met(0), "idle-race SI fin idle unknown crossed exact http");
    assert_eq!(met(1), "idle-race SI fin idle unknown stale exact http");
}

#[test]
fn a_request_that_was_answered_after_the_fin_was_not_lost() {
    let talk = server().served(1250).asks(GET);
    let mut facts = talk.clone().gets_fin();
    talk.fin_came().waits(3).answers(OK).later(&mut facts, CLOSE_WAIT, LAST_ACK);
    assert_eq!(summary(&facts), "completed CW fin waiting half-close - exact http");
}

#[test]
fn a_request_that_was_answered_before_its_end_is_no_race() {
    const UPLOAD: &str = "POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\nab";
    let refused =
        |talk: Talk| talk.served(9).asks(UPLOAD).answers("HTTP/1.1 413 x\r\nContent-Length: 0\r\n\r\n");
    let lost = "premature-hangup SB rst request-body unread-data -";
    assert_eq!(summary(&refused(client()).unread().fails(104)), format!("{lost} probable http"));
    let mut unread = refused(server());
    unread.socket.copied_seq = unread.socket.copied_seq.wrapping_sub(UPLOAD.len() as u32);
    assert_eq!(summary(&unread.resets()), format!("{lost} probable http"));
}

#[test]
fn a_request_that_meets_the_servers_farewell_is_lost_to_its_idle_timer() {
    const TIMEOUT: &str = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let mut talk = server().served(1000);
    let seen = talk.socket.snd_nxt;
    talk = talk.answers_unasked(TIMEOUT).asks(GET);
    assert_eq!(summary(&talk.clone().closes()), "idle-race SW fin waiting unknown stale exact http");
    talk.exchange.request_ack = seen;
    let crossed = "unknown crossed";
    assert_eq!(summary(&talk.clone().closes()), format!("idle-race SW fin waiting {crossed} exact http"));
    assert_eq!(summary(&talk.unread().resets()), "idle-race SW rst waiting unread-data crossed exact http");
    let seen = client().served(1000).answers_unasked(TIMEOUT).asks(GET).waits(1).gets_fin();
    assert_eq!(summary(&seen), "idle-race SW fin waiting unknown stale exact http");
    let answered = |ticks| client().served(1000).asks(GET).waits(ticks).answers(TIMEOUT).gets_fin();
    let race = judge(&answered(1));
    assert_eq!((race.race, race.confidence), (Some(Race::Crossed), Confidence::Probable));
    assert_eq!(judge(&answered(1000)).race, None, "that long a server works on an answer");
    assert_eq!(judge(&client().asks(GET).waits(1).answers(TIMEOUT).gets_fin()).race, None, "a first request");
}

#[test]
fn nobody_races_a_network_a_host_or_an_unknown_end() {
    let asked = || client().served(1250).asks(GET).unacked(0);
    for err in [103, 110, 113] {
        assert_eq!(judge(&asked().fails(err)).race, None, "{err}");
    }
    let mut facts = asked().gets_fin();
    facts.role = Role::Unknown;
    assert_eq!(judge(&facts).race, None);
}
