//! Protocols that are not followed and are known: what their edges make of a close, at both ends.

use super::*;
use crate::labels::Protocol;

const STARTUP: &[u8] = b"\0\0\0\x09\0\x03\0\0\0";
const READY: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
const QUERY: &[u8] = b"Q\0\0\0\x0dselect 1\0";
const ANSWER: &[u8] = b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";
const IN_TRANSACTION: &[u8] = b"C\0\0\0\x0aBEGIN\0Z\0\0\0\x05T";
const TERMINATE: &[u8] = b"X\0\0\0\x04";
const IDLE_TIMEOUT: &[u8] = b"E\0\0\0\x40SFATAL\0VFATAL\0C57P05\0Mterminating connection due to idle\0\0";
const ADMIN: &[u8] = b"E\0\0\0\x40SFATAL\0VFATAL\0C57P01\0Mterminating connection due to admin\0\0";

/// A session of PostgreSQL's that has answered one query and was then idle for 5 s.
fn session(talk: Talk) -> Talk {
    let greeted = talk.in_another_protocol().asks_raw(STARTUP).waits(1).answers_raw(READY).waits(1);
    greeted.asks_raw(QUERY).waits(1).answers_raw(ANSWER).waits(1250)
}

fn both(all: &str) -> [String; 2] {
    [all.to_owned(), all.to_owned()]
}

#[test]
fn a_farewell_is_no_request() {
    let takes_leave = |talk: Talk| session(talk).asks_raw(TERMINATE);
    assert_eq!(by_client(takes_leave), both("completed CI fin idle announced - exact protocol"));
    let close = classified(&takes_leave(client()).closes());
    assert_eq!((close.idle, close.protocol.map(Protocol::as_str)), (Some(5.0), Some("postgresql")));
    // The server may be the first to close then.
    assert_eq!(by_server(takes_leave), both("completed SI fin idle announced - exact protocol"));
    let leaves_work =
        |talk: Talk| session(talk).asks_raw(QUERY).answers_raw(IN_TRANSACTION).asks_raw(TERMINATE);
    assert_eq!(by_client(leaves_work), both("completed CX fin transaction announced - exact protocol"));
    let gives_up = |talk: Talk| session(talk).asks_raw(&[QUERY, TERMINATE].concat()).waits(1);
    assert_eq!(by_client(gives_up), both("premature-hangup CW fin waiting unknown - exact protocol"));
}

#[test]
fn an_error_before_the_close_is_no_answer_and_ends_no_silence() {
    let is_idle = |talk: Talk| session(talk).answers_raw(IDLE_TIMEOUT);
    assert_eq!(by_server(is_idle), both("server-idle SI fin idle idle-timeout - exact protocol"));
    assert_eq!(classified(&is_idle(server()).closes()).idle, Some(5.0));
    let is_asked = |talk: Talk| session(talk).asks_raw(QUERY).waits(500).answers_raw(ADMIN);
    assert_eq!(by_server(is_asked), both("premature-hangup SW fin waiting admin-shutdown - exact protocol"));
    let in_transaction =
        |talk: Talk| session(talk).asks_raw(QUERY).answers_raw(IN_TRANSACTION).waits(250).answers_raw(ADMIN);
    assert_eq!(
        by_server(in_transaction),
        both("premature-hangup SX fin transaction admin-shutdown - exact protocol")
    );
}

/// As an alert of TLS: who closes behind them only answers.
#[test]
fn the_servers_last_words_end_the_connection_whoever_closes_first() {
    let said = |talk: Talk| session(talk).answers_raw(IDLE_TIMEOUT);
    let of_the_server = both("server-idle SI fin idle idle-timeout - exact protocol");
    assert_eq!(by_client(said), of_the_server);
    let takes_leave = |talk: Talk| said(talk).asks_raw(TERMINATE);
    assert_eq!(by_client(takes_leave), both("server-idle SI fin idle idle-timeout - probable protocol"));
    let is_asked = |talk: Talk| session(talk).asks_raw(QUERY).waits(500).answers_raw(ADMIN);
    assert_eq!(by_client(is_asked), both("premature-hangup SW fin waiting admin-shutdown - exact protocol"));
    // A refusal is the answer to the client, which goes by itself.
    let refused = |talk: Talk| {
        let greeted = talk.in_another_protocol().asks_raw(STARTUP).waits(1);
        greeted.answers_raw(b"E\0\0\0\x42SFATAL\0VFATAL\0C28P01\0Mpassword authentication\0\0")
    };
    assert_eq!(by_client(refused), both("completed CI fin idle server-error - exact protocol"));
}

/// RAISE NOTICE in a function that has not ended: what is ready before it is the answer to the query before.
#[test]
fn a_notice_within_a_command_is_no_answer() {
    const NOTICE: &[u8] = b"N\0\0\0\x0cSNOTICE\0";
    let noticed = |talk: Talk| session(talk).asks_raw(QUERY).waits(1).answers_raw(NOTICE).waits(500);
    assert_eq!(by_client(noticed), both("premature-hangup CW fin waiting unknown - exact protocol"));
    assert_eq!(by_server(noticed), both("premature-hangup SW fin waiting unknown - exact protocol"));
    // Nobody had asked.
    let warned = |talk: Talk| session(talk).answers_raw(NOTICE);
    assert_eq!(by_server(warned), both("server-idle SI fin idle unknown - exact protocol"));
}

/// Pgpool-II's `client_idle_limit`.
#[test]
fn an_error_that_nobody_had_asked_for_cuts_no_answer_short() {
    const LIMIT: &[u8] = b"E\0\0\0\x28SERROR\0C57000\0Munable to read data\0\0";
    let limited = |talk: Talk| session(talk).answers_raw(LIMIT);
    assert_eq!(by_server(limited), both("server-idle SI fin idle unknown - probable protocol"));
    let asked = |talk: Talk| session(talk).asks_raw(QUERY).waits(1).answers_raw(LIMIT);
    assert_eq!(by_server(asked), both("premature-hangup SR fin response unknown - exact protocol"));
}

#[test]
fn of_commands_that_were_sent_at_once_the_last_may_wait() {
    const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
    const BLPOP: &[u8] = b"*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n0\r\n";
    let together = |talk: Talk| talk.in_another_protocol().asks_raw(&[GET, BLPOP].concat()).waits(1);
    let one = |talk: Talk| together(talk).answers_raw(b"$-1\r\n").waits(250);
    assert_eq!(by_server(one), both("premature-hangup SW fin waiting unknown - probable protocol"));
    assert_eq!(by_client(one), both("premature-hangup CW fin waiting unknown - probable protocol"));
    let all = |talk: Talk| one(talk).answers_raw(b"*2\r\n$1\r\nq\r\n$1\r\nx\r\n").waits(250);
    assert_eq!(by_server(all), both("server-idle SI fin idle unknown - probable turns"));
    let in_pieces = |talk: Talk| talk.in_another_protocol().asks_raw(GET).asks_raw(BLPOP).waits(1);
    let one = |talk: Talk| in_pieces(talk).answers_raw(b"$-1\r\n").waits(250);
    assert_eq!(by_server(one), both("premature-hangup SW fin waiting unknown - probable protocol"));
    // What is kept does not show more than one command, or that one answer is all.
    let alone =
        |talk: Talk| talk.in_another_protocol().asks_raw(GET).waits(1).answers_raw(b"$-1\r\n").waits(250);
    assert_eq!(by_server(alone), both("server-idle SI fin idle unknown - probable turns"));
    let two = |talk: Talk| together(talk).answers_raw(b"+OK\r\n:1\r\n").waits(250);
    assert_eq!(by_server(two), both("server-idle SI fin idle unknown - probable turns"));
}

#[test]
fn a_pooler_that_ends_a_command_has_not_answered_it() {
    const TIMEOUT: &[u8] = b"E\0\0\0\x22SFATAL\0C08P01\0Mquery timeout\0\0";
    const CRASHED: &[u8] = b"E\0\0\0\x29SFATAL\0C08P01\0Mserver conn crashed?\0\0";
    let is_asked = |talk: Talk| session(talk).asks_raw(QUERY).waits(500);
    let timed_out = |talk: Talk| is_asked(talk).answers_raw(TIMEOUT);
    assert_eq!(
        by_server(timed_out),
        both("premature-hangup SW fin waiting request-timeout - exact protocol")
    );
    // What ended the session behind it was passed on before.
    let relayed = [b"T\0\0\0\x06\0\0", ADMIN, b"RProcessInterrupts\0\0"].concat();
    let crashed = |talk: Talk| is_asked(talk).answers_raw(&relayed).answers_raw(CRASHED);
    assert_eq!(by_server(crashed), both("premature-hangup SR fin response server-error - exact protocol"));
    // To a client that had been answered; its transaction, if there was one, is out of reach.
    let dropped = |talk: Talk| session(talk).answers_raw(&relayed).answers_raw(CRASHED);
    assert_eq!(by_server(dropped), both("server-idle SI fin idle server-error - probable protocol"));
    let in_transaction = |talk: Talk| {
        session(talk).asks_raw(QUERY).answers_raw(IN_TRANSACTION).waits(500).answers_raw(TIMEOUT)
    };
    assert_eq!(
        by_server(in_transaction),
        both("premature-hangup SX fin transaction request-timeout - exact protocol")
    );
    let refused = |talk: Talk| {
        let greeted = talk.in_another_protocol().asks_raw(STARTUP).waits(1);
        greeted.answers_raw(b"E\0\0\0\x42SFATAL\0C08P01\0Mno more connections allowed\0\0")
    };
    assert_eq!(by_server(refused), both("completed SI fin idle server-error - exact protocol"));
}

/// The client's rows are the rest of a command.
#[test]
fn a_copy_from_the_client_is_open_until_its_end() {
    const COPY_IN: &[u8] = b"G\0\0\0\x09\0\0\x01\0\0";
    let copies = |talk: Talk| session(talk).asks_raw(QUERY).waits(1).answers_raw(COPY_IN).waits(100);
    assert_eq!(by_client(copies), both("premature-hangup CR fin response unknown - exact protocol"));
    let ended = |talk: Talk| copies(talk).answers_raw(ADMIN);
    assert_eq!(by_server(ended), both("premature-hangup SR fin response admin-shutdown - exact protocol"));
    // Like a standby's status update, by its first byte.
    let sends = |talk: Talk| copies(talk).asks_raw(b"d\0\0\0\x09ruby\n").waits(100);
    assert_eq!(by_server(sends), both("premature-hangup SW fin waiting unknown - exact protocol"));
}

#[test]
fn a_result_of_mysqls_without_its_end_is_under_way() {
    let asked = |talk: Talk| {
        let greeted = talk.in_another_protocol().answers_raw(b"\x0d\0\0\0\x0a5.5.5-10.11\0").waits(1);
        let ready =
            greeted.asks_raw(b"\x04\0\0\x01user").waits(1).answers_raw(b"\x07\0\0\x02\0\0\0\x02\0\0\0");
        ready.waits(1).asks_raw(b"\x09\0\0\0\x03select 1").waits(1)
    };
    let columns = b"\x01\0\0\x01\x01\x17\0\0\x02\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x03\x81\0\0\0\0";
    let rows = |talk: Talk| asked(talk).answers_raw(columns).answers_raw(&[b'y'; 90]);
    assert_eq!(by_server(rows), both("premature-hangup SR fin response unknown - probable protocol"));
    let ended = |talk: Talk| rows(talk).answers_raw(b"\x05\0\0\x09\xfe\0\0\x02\0").waits(100);
    assert_eq!(by_server(ended), both("server-idle SI fin idle unknown - exact protocol"));
    // LOAD DATA LOCAL: the server asks for the file.
    let file = |talk: Talk| asked(talk).answers_raw(b"\x02\0\0\x01\xfbx").waits(100);
    assert_eq!(by_client(file), both("premature-hangup CR fin response unknown - exact protocol"));
}

#[test]
fn nothing_is_open_in_a_replication_however_it_ends() {
    let status = [b"d\0\0\0\x26r".as_slice(), &[0; 33]].concat();
    let streams = |talk: Talk| {
        let begun = session(talk).asks_raw(QUERY).waits(1).answers_raw(b"W\0\0\0\x07\0\0\0").waits(1);
        let sent = begun.asks_raw(&status).waits(1).answers_raw(b"d\0\0\x40\0w").waits(1);
        sent.answers_raw(b"the rest of it").waits(100)
    };
    assert_eq!(by_client(streams), both("client-idle CI fin idle unknown - probable protocol"));
    let leaves = |talk: Talk| streams(talk).asks_raw(&status).waits(1).asks_raw(TERMINATE);
    assert_eq!(by_client(leaves), both("completed CI fin idle announced - exact protocol"));
    let stopped = |talk: Talk| streams(talk).asks_raw(&status).waits(100).answers_raw(ADMIN);
    assert_eq!(by_server(stopped), both("server-idle SI fin idle admin-shutdown - probable protocol"));
}

#[test]
fn what_is_queued_behind_multi_is_lost_to_the_servers_close() {
    let queues = |talk: Talk| {
        let begun =
            talk.in_another_protocol().asks_raw(b"*1\r\n$5\r\nMULTI\r\n").waits(1).answers_raw(b"+OK\r\n");
        let begun = begun.waits(1).asks_raw(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n").waits(1);
        begun.answers_raw(b"+QUEUED\r\n").waits(500)
    };
    assert_eq!(by_server(queues), both("premature-hangup SX fin transaction unknown - probable protocol"));
    assert_eq!(by_client(queues), both("client-idle CX fin transaction unknown - probable protocol"));
    let done = |talk: Talk| {
        queues(talk).asks_raw(b"*1\r\n$4\r\nEXEC\r\n").waits(1).answers_raw(b"*1\r\n+OK\r\n").waits(500)
    };
    assert_eq!(by_server(done), both("server-idle SI fin idle unknown - probable turns"));
}

#[test]
fn an_answer_without_its_end_is_under_way() {
    let rows = [b"T\0\0\0\x06\0\0D\0\0\0\x2c\0\x01\0\0\0\x22".as_slice(), &[b'x'; 34]].concat();
    let cut = |talk: Talk| session(talk).asks_raw(QUERY).waits(1).answers_raw(&rows).waits(50);
    assert_eq!(by_server(cut), both("premature-hangup SR fin response unknown - exact protocol"));
}

/// The first of them has its end, and the second may be under way.
#[test]
fn what_is_pipelined_is_never_proved_to_be_idle() {
    let pipelined =
        |talk: Talk| session(talk).asks_raw(QUERY).asks_raw(QUERY).waits(1).answers_raw(ANSWER).waits(500);
    assert_eq!(by_server(pipelined), both("server-idle SI fin idle unknown - probable protocol"));
}

#[test]
fn a_query_behind_the_servers_words_is_a_race() {
    let talk = session(client()).answers_raw(IDLE_TIMEOUT);
    let mut facts = talk.clone().gets_fin();
    talk.fin_came().waits(10).asks_raw(QUERY).later(&mut facts, CLOSE_WAIT, LAST_ACK);
    assert_eq!(summary(&facts), "idle-race SI fin idle idle-timeout stale probable protocol");
    let talk = session(client()).answers_raw(IDLE_TIMEOUT);
    let mut facts = talk.clone().gets_fin();
    talk.fin_came().waits(10).asks_raw(TERMINATE).later(&mut facts, CLOSE_WAIT, LAST_ACK);
    assert_eq!(summary(&facts), "server-idle SI fin idle idle-timeout - exact protocol");
}

/// What was read of the request decides, and not how much lies unread.
#[test]
fn a_request_of_which_a_part_was_read_is_no_race() {
    let asked = |talk: Talk| session(talk).asks_raw(QUERY);
    assert_eq!(
        summary(&asked(server()).unread().resets()),
        "idle-race SW rst waiting unread-data unread probable protocol"
    );
    let mut half = asked(server()).unread();
    half.socket.copied_seq = half.socket.copied_seq.wrapping_add(5);
    assert_eq!(summary(&half.resets()), "premature-hangup SW rst waiting unread-data - exact protocol");
}

#[test]
fn heartbeats_are_no_requests_and_no_activity() {
    let info = [b"INFO {\"server_id\":\"".as_slice(), &[b'N'; 40], b"\"}\r\n"].concat();
    let pinged = |talk: Talk| {
        let begun = talk
            .in_another_protocol()
            .answers_raw(&info)
            .asks_raw(b"CONNECT {\"verbose\":false}\r\n")
            .waits(250);
        begun.answers_raw(b"PING\r\n").waits(1).asks_raw(b"PONG\r\n").waits(250)
    };
    assert_eq!(by_client(pinged), both("client-idle CI fin idle unknown - probable protocol"));
    assert_eq!(classified(&pinged(client()).closes()).idle, Some(2.004));
    let stale = |talk: Talk| pinged(talk).answers_raw(b"-ERR 'Stale Connection'\r\n");
    assert_eq!(by_server(stale), both("server-idle SI fin idle heartbeat-timeout - probable protocol"));
}

#[test]
fn a_refusal_is_an_answer_and_no_race() {
    let refused =
        |talk: Talk| talk.in_another_protocol().answers_raw(b"-ERR max number of clients reached\r\n");
    assert_eq!(by_server(refused), both("completed SI fin idle server-error - exact protocol"));
    let talk = refused(client());
    let mut facts = talk.clone().gets_fin();
    talk.fin_came()
        .waits(10)
        .asks_raw(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
        .later(&mut facts, CLOSE_WAIT, LAST_ACK);
    assert_eq!(summary(&facts), "completed SI fin idle server-error - exact protocol");
}

/// A filter on the client's host drops it: no probe has seen it.
#[test]
fn a_query_that_did_not_leave_waits_all_the_same() {
    let close = classified(&session(client()).keeps_back(14).gets_fin());
    assert_eq!((close.phase.as_str(), close.in_flight), ("waiting", Some(1)));
}

/// What looks like the empty line before a request: rsync asks for the list of modules with one.
#[test]
fn an_empty_line_in_another_protocol_begins_no_http() {
    let lists = |talk: Talk| {
        let greeted = talk.asks("@RSYNCD: 31.0\n").waits(1).answers("@RSYNCD: 31.0\n").waits(1);
        greeted.asks("\n").waits(1).answers("m\t\n@RSYNCD: EXIT\n").waits(100)
    };
    assert_eq!(by_server(lists), both("server-idle SI fin idle unknown - probable turns"));
}

#[test]
fn what_is_not_known_goes_by_turns() {
    let play = |talk: Talk| {
        talk.in_another_protocol().asks_raw(b"\x01hello").waits(1).answers_raw(b"\x01world").waits(500)
    };
    assert_eq!(by_client(play), both("client-idle CI fin idle unknown - probable turns"));
    assert_eq!(classified(&play(client()).closes()).protocol.map(Protocol::as_str), Some("other"));
}

/// A query that is ended with an error looks like the answer to a slow one.
#[test]
fn first_words_after_a_while_do_not_tell_an_answer_from_an_error() {
    let asked = |talk: Talk| {
        let begun = talk.in_another_protocol().asks_raw(b"\x01hello").waits(1).answers_raw(b"\x01world");
        begun.waits(100).asks_raw(b"\x01query")
    };
    let slow = |talk: Talk| asked(talk).waits(100).answers_raw(b"\x02killed");
    assert_eq!(by_server(slow), both("unknown SI fin idle unknown - probable turns"));
    // Behind an answer they are a goodbye.
    let idle = |talk: Talk| asked(talk).waits(1).answers_raw(b"\x01done").waits(100).answers_raw(b"\x02bye");
    assert_eq!(by_server(idle), both("server-idle SI fin idle unknown - probable turns"));
}

/// FastCGI, finger: one request, and an answer that ends with the connection, however long it took.
#[test]
fn an_only_answer_that_comes_with_the_close_ends_it() {
    let slow = |talk: Talk| {
        talk.in_another_protocol()
            .asks_raw(b"\x01\x01\0\x01query")
            .waits(100)
            .answers_raw(b"\x01\x06\0\x01done")
    };
    assert_eq!(by_server(slow), both("completed SI fin idle unknown - probable turns"));
}

/// uWSGI's own protocol before it: what asked was never read.
#[test]
fn an_answer_in_http_to_another_protocol_ends_with_its_connection() {
    let answered = |ticks: u32| {
        let mut talk = server();
        talk.move_bytes(IN, 120);
        talk.waits(1).answers(OK).waits(ticks).closes()
    };
    assert_eq!(summary(&answered(1)), "completed SI fin idle unknown - probable http");
    assert_eq!(summary(&answered(250)), "server-idle SI fin idle unknown - probable http");
}

#[test]
fn a_pong_asks_for_nothing_in_a_protocol_that_is_not_known_either() {
    let pinged = |talk: Talk| {
        let joined =
            talk.in_another_protocol().asks_raw(b"NICK a\r\n").waits(1).answers_raw(b":irc 001 a :hi\r\n");
        joined.waits(500).answers_raw(b"PING :irc\r\n").waits(1).asks_raw(b"PONG :irc\r\n").waits(500)
    };
    assert_eq!(by_server(pinged), both("server-idle SI fin idle unknown - probable protocol"));
}

#[test]
fn a_server_of_amqp_that_says_nothing_has_missed_heartbeats() {
    const HEARTBEAT: &[u8] = b"\x08\0\0\0\0\0\0\xce";
    const DECLARE: &[u8] = b"\x01\0\x01\0\0\0\x04\0\x32\0\x0a\xce";
    const DECLARED: &[u8] = b"\x01\0\x01\0\0\0\x04\0\x32\0\x0b\xce";
    let begun = |talk: Talk| {
        let opened = talk.in_another_protocol().asks_raw(b"AMQP\0\0\x09\x01").waits(1).answers_raw(DECLARED);
        opened.waits(1).asks_raw(DECLARE).waits(1).answers_raw(DECLARED)
    };
    let beats = |talk: Talk, times| (0..times).fold(talk, |talk, _| talk.waits(250).answers_raw(HEARTBEAT));
    let missing = |talk: Talk| beats(begun(talk), 4).waits(100);
    assert_eq!(by_server(missing), both("server-idle SI fin idle heartbeat-timeout - probable protocol"));
    // The client's own come in between.
    let alive = |talk: Talk| beats(begun(talk), 4).asks_raw(HEARTBEAT).waits(100);
    assert_eq!(by_server(alive), both("server-idle SI fin idle unknown - probable protocol"));
}

const MQTT: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a";

#[test]
fn a_broker_that_closes_behind_a_packet_closes_because_of_it() {
    let connected =
        |talk: Talk| talk.in_another_protocol().asks_raw(MQTT).answers_raw(b"\x20\x02\0\0").waits(250);
    let reserved = |ticks: u32| move |talk: Talk| connected(talk).asks_raw(b"\xf0\0").waits(ticks);
    assert_eq!(by_server(reserved(1)), both("premature-hangup SW fin waiting unknown - probable protocol"));
    assert_eq!(by_server(reserved(250)), both("server-idle SI fin idle unknown - probable protocol"));
    assert_eq!(by_client(reserved(50)), both("client-idle CI fin idle unknown - probable protocol"));
}

#[test]
fn a_long_key_hides_whether_a_command_is_answered() {
    let stored = |talk: Talk| {
        let known = talk.in_another_protocol().asks_raw(b"get a\r\n").answers_raw(b"END\r\n").waits(1);
        known.asks_raw(&[b"set ".as_slice(), &[b'k'; 100], b" 0 0 1 noreply\r\nx\r\n"].concat()).waits(125)
    };
    // A server that has read it and lives has nothing to say.
    assert_eq!(summary(&stored(server()).closes()), "server-idle SI fin idle unknown - probable protocol");
    assert_eq!(summary(&stored(client()).gets_fin()), "unknown S- fin unknown unknown - probable protocol");
    assert_eq!(summary(&stored(server()).gets_fin()), "client-idle CI fin idle unknown - probable protocol");
}

#[test]
fn who_is_refused_with_the_greeting_raced_no_timer() {
    let greeted =
        |talk: Talk| talk.in_another_protocol().answers_raw(b"ERROR :Too many connections\r\n").waits(1);
    let talk = greeted(client());
    let mut facts = talk.clone().gets_fin();
    talk.fin_came().waits(1).asks_raw(b"NICK somebody\r\n").later(&mut facts, CLOSE_WAIT, CLOSE);
    assert!(!summary(&facts).contains("idle-race"), "{}", summary(&facts));
}
