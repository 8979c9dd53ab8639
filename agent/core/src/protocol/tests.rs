use fastrand::Rng;
use whohungup_ebpf::{
    conversation::{Conversation, GAP, NEWEST_BYTES, TAIL_BYTES},
    exchange::{IN, OUT},
    framing::sample::{begun, converse},
};

use super::*;

/// The client's bytes go in, as its server sees them.
const CLIENT: u8 = IN;
const SERVER: u8 = OUT;

fn heard(said: &[(u8, &[u8])]) -> Conversation {
    let mut conversation = begun(CLIENT, false);
    let mut seqs = [1000_u32, 0xffff_fff0];
    for (now, (direction, bytes)) in said.iter().enumerate() {
        let seq = &mut seqs[usize::from(*direction)];
        converse(&mut conversation, *direction, *seq, bytes, now as u32);
        *seq = seq.wrapping_add(bytes.len() as u32);
    }
    conversation
}

const KAFKA: &[u8] = b"\0\0\0\x0c\0\x12\0\x03\0\0\0\x07\0\x02me";
const MONGO: &[u8] = b"\x1a\0\0\0\x05\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x05\0\0\0\0";
const LDAP: &[u8] = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0";
const MQTT: &[u8] = b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0";
const MYSQL: &[u8] = b"\x0d\0\0\0\x0a5.5.5-10.11\0";

/// Who says what.
type Spoken = (u8, &'static [u8]);

/// How each protocol begins.
fn openings() -> Vec<(Protocol, Vec<Spoken>)> {
    vec![
        (Protocol::Postgresql, vec![(CLIENT, b"\0\0\0\x08\x04\xd2\x16\x2f"), (SERVER, b"N")]),
        (Protocol::Postgresql, vec![(CLIENT, b"\0\0\0\x09\0\x03\0\0\0"), (SERVER, b"R\0\0\0\x08\0\0\0\0")]),
        (Protocol::Mysql, vec![(SERVER, MYSQL)]),
        (Protocol::Redis, vec![(CLIENT, b"*1\r\n$4\r\nPING\r\n"), (SERVER, b"+PONG\r\n")]),
        (Protocol::Redis, vec![(CLIENT, b"PING\r\n"), (SERVER, b"+PONG\r\n")]),
        (Protocol::Memcached, vec![(CLIENT, b"get a\r\n"), (SERVER, b"END\r\n")]),
        (
            Protocol::Memcached,
            vec![(CLIENT, b"\x80\x0b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), (SERVER, b"\x81\x0b")],
        ),
        (Protocol::Mongodb, vec![(CLIENT, MONGO), (SERVER, b"\x26\0\0\0\x01\0\0\0\x05\0\0\0\xdd\x07\0\0")]),
        (
            Protocol::Amqp,
            vec![(CLIENT, b"AMQP\0\0\x09\x01"), (SERVER, b"\x01\0\0\0\0\0\x08\0\x0a\0\x0a\0\x09\0\0\xce")],
        ),
        (Protocol::Amqp10, vec![(CLIENT, b"AMQP\x03\x01\0\0"), (SERVER, b"AMQP\x03\x01\0\0")]),
        (Protocol::Kafka, vec![(CLIENT, KAFKA), (SERVER, b"\0\0\0\x06\0\0\0\x07\0\0")]),
        (Protocol::Nats, vec![(SERVER, b"INFO {\"server_id\":\"N\"}\r\n"), (CLIENT, b"CONNECT {}\r\n")]),
        (Protocol::Mqtt, vec![(CLIENT, MQTT), (SERVER, b"\x20\x02\0\0")]),
        (Protocol::Smtp, vec![(SERVER, b"220 a.example ESMTP\r\n"), (CLIENT, b"EHLO b.example\r\n")]),
        (Protocol::Ftp, vec![(SERVER, b"220 (vsFTPd 3.0.3)\r\n"), (CLIENT, b"USER anonymous\r\n")]),
        (Protocol::Pop3, vec![(SERVER, b"+OK ready\r\n"), (CLIENT, b"USER me\r\n")]),
        (Protocol::Imap, vec![(SERVER, b"* OK ready\r\n"), (CLIENT, b"a LOGIN me you\r\n")]),
        (
            Protocol::Ldap,
            vec![(CLIENT, LDAP), (SERVER, b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0")],
        ),
        (Protocol::Other, vec![(CLIENT, b"SSH-2.0-a\r\n"), (SERVER, b"SSH-2.0-b\r\n")]),
        (Protocol::Other, vec![(SERVER, b"SSH-2.0-b\r\n"), (CLIENT, b"SSH-2.0-a\r\n")]),
        (Protocol::Other, vec![(CLIENT, b"\x05\x01\0"), (SERVER, b"\x05\0")]),
        // ZooKeeper: versions, and a time.
        (
            Protocol::Other,
            vec![
                (CLIENT, b"\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x27\x10"),
                (SERVER, b"\0\0\0\x08\0\0\0\0\0\0\x27\x10"),
            ],
        ),
        (Protocol::Other, vec![(CLIENT, b"<34>Oct 11 su: failed\n")]),
    ]
}

#[test]
fn each_protocol_is_known_by_its_first_bytes_and_never_by_another() {
    for (protocol, said) in openings() {
        assert_eq!(recognise(&heard(&said), CLIENT), protocol, "{said:?}");
        let turned: Vec<_> = said.iter().map(|(from, bytes)| (IN + OUT - from, *bytes)).collect();
        assert_eq!(recognise(&heard(&turned), SERVER), protocol, "as its client sees it: {said:?}");
        // By themselves, the other way round, they are of no client.
        let reversed = recognise(&heard(&turned), CLIENT);
        let is_symmetric = matches!(protocol, Protocol::Other | Protocol::Amqp10);
        assert!(is_symmetric || reversed != protocol, "{said:?}");
    }
}

#[test]
fn what_waits_for_an_answer_differs_from_what_does_not() {
    let state = |said: &[(u8, &[u8])], then: &[u8]| {
        let all: Vec<_> = said.iter().copied().chain([(CLIENT, then)]).collect();
        let reading = read(&heard(&all), CLIENT);
        (reading.said.state, reading.said.farewell)
    };
    let mysql: &[(u8, &[u8])] =
        &[(SERVER, MYSQL), (CLIENT, b"\x04\0\0\x01user"), (SERVER, b"\x07\0\0\x02\0\0\0\x02\0\0\0")];
    assert_eq!(state(mysql, b"\x09\0\0\0\x03select 1"), (State::Asked, false));
    assert_eq!(state(mysql, b"\x01\0\0\0\x01"), (State::Idle, true));
    assert_eq!(state(mysql, b"\x05\0\0\0\x19\x01\0\0\0"), (State::Idle, false), "a statement is closed");
    let mqtt: &[(u8, &[u8])] = &[(CLIENT, MQTT), (SERVER, b"\x20\x02\0\0")];
    assert_eq!(state(mqtt, b"\x30\x05\0\x01ahi"), (State::Idle, false), "QoS 0");
    assert_eq!(state(mqtt, b"\x32\x07\0\x01a\0\x01hi"), (State::Asked, false), "QoS 1");
    assert_eq!(state(mqtt, b"\xe0\0"), (State::Idle, true));
    // Two publications came, and are acknowledged: the second acknowledgment begins no turn.
    let acknowledged: &[u8] = b"\x40\x02\0\x01";
    let asked = |then: &[&'static [u8]]| {
        let all: Vec<_> = mqtt.iter().copied().chain(then.iter().map(|&said| (CLIENT, said))).collect();
        state(&all, acknowledged).0
    };
    assert_eq!(asked(&[acknowledged]), State::Idle);
    assert_eq!(asked(&[acknowledged, acknowledged]), State::Unclear, "of what lies between nothing is kept");
    assert_eq!(asked(&[b"\x32\x07\0\x01a\0\x01hi"]), State::Turns, "a publication at QoS 1 before it");
    assert_eq!(asked(&[b"\x30\x90\x4e\0\x01a and the first piece of ten thousand bytes"]), State::Turns);
    let amqp: &[(u8, &[u8])] =
        &[(CLIENT, b"AMQP\0\0\x09\x01"), (SERVER, b"\x01\0\0\0\0\0\x04\0\x0a\0\x0a\xce")];
    assert_eq!(
        state(amqp, b"\x01\0\x01\0\0\0\x0d\0\x3c\0\x50\0\0\0\0\0\0\0\x01\0\xce"),
        (State::Idle, false),
        "basic.ack"
    );
    assert_eq!(state(amqp, b"\x01\0\0\0\0\0\x04\0\x0a\0\x32\xce"), (State::Turns, true), "connection.close");
    let memcached: &[(u8, &[u8])] = &[(CLIENT, b"get a\r\n"), (SERVER, b"END\r\n")];
    assert_eq!(state(memcached, b"set a 0 0 1 noreply\r\nx\r\n"), (State::Idle, false));
    assert_eq!(state(memcached, b"delete a-key-of-thirty-bytes-or-more noreply\r\n"), (State::Idle, false));
    assert_eq!(state(memcached, b"set noreply 0 0 1\r\nx\r\n"), (State::Turns, false), "a key");
    assert_eq!(state(memcached, b"set a 0 0 9 noreply\r\nx"), (State::Turns, false), "more is to come");
    assert_eq!(state(memcached, b"ms a 2 q\r\nhi\r\n"), (State::Idle, false));
    let long_key = [b"set ".as_slice(), &[b'k'; 200], b" 0 0 1 noreply\r\nx\r\n"].concat();
    assert_eq!(state(memcached, &long_key), (State::Unclear, false));
    assert_eq!(state(memcached, &long_key[..long_key.len() - 2]), (State::Turns, false), "more is to come");
    let mongo: &[(u8, &[u8])] = &[(CLIENT, MONGO), (SERVER, b"\x26\0\0\0\x01\0\0\0\x05\0\0\0\xdd\x07\0\0")];
    let one_way = [&MONGO[..16], b"\x02\0\0\0", &MONGO[20..]].concat();
    assert_eq!(state(mongo, &one_way), (State::Idle, false), "moreToCome");
    assert_eq!(state(mongo, MONGO), (State::Asked, false));
    let ldap: &[(u8, &[u8])] =
        &[(CLIENT, LDAP), (SERVER, b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0")];
    assert_eq!(state(ldap, b"\x30\x05\x02\x01\x02\x42\0"), (State::Idle, true));
}

#[test]
fn work_that_a_queue_waits_for_is_open() {
    let state = |said: &[(u8, &[u8])]| read(&heard(said), CLIENT).said.state;
    let gearman = |magic: u8, kind: u8, data: &[u8]| {
        let magic: &[u8; 4] = if magic == CLIENT { b"\0REQ" } else { b"\0RES" };
        let size = (data.len() as u32).to_be_bytes();
        [magic.as_slice(), &[0, 0, 0, kind], &size, data].concat()
    };
    let (can_do, sleeps) = (gearman(CLIENT, 1, b"resize"), gearman(CLIENT, 4, b""));
    assert_eq!(state(&[(CLIENT, &can_do)]), State::Idle);
    let (grab, none) = (gearman(CLIENT, 9, b""), gearman(SERVER, 10, b""));
    let worker: [(u8, &[u8]); 3] = [(CLIENT, &can_do), (CLIENT, &grab), (SERVER, &none)];
    assert_eq!(state(&worker[..2]), State::Turns);
    assert_eq!(state(&[worker[0], worker[1], worker[2], (CLIENT, &sleeps)]), State::Idle);
    let behind = [can_do.as_slice(), &sleeps].concat();
    assert_eq!(state(&[(CLIENT, &behind)]), State::Idle);
    let (submit, created) = (gearman(CLIENT, 7, b"resize\0\0x"), gearman(SERVER, 8, b"H:host:1"));
    assert_eq!(state(&[(CLIENT, &submit), (SERVER, &created)]), State::Asked);
    let (part, done) = (gearman(SERVER, 28, b"H:host:1\0x"), gearman(SERVER, 13, b"H:host:1\0x"));
    assert_eq!(state(&[(CLIENT, &submit), (SERVER, &created), (SERVER, &part)]), State::Answering);
    assert_eq!(state(&[(CLIENT, &submit), (SERVER, &created), (SERVER, &done)]), State::Turns);
    let background = gearman(CLIENT, 18, b"resize\0\0x");
    assert_eq!(state(&[(CLIENT, &background), (SERVER, &created)]), State::Turns);

    let watching: &[u8] = b"WATCHING 2\r\nWATCHING 1\r\n";
    for reserve in ["reserve", "reserve-with-timeout 30"] {
        let together = format!("watch mail\r\nignore default\r\n{reserve}\r\n");
        let asked = (CLIENT, together.as_bytes());
        assert_eq!(state(&[asked, (SERVER, watching)]), State::Asked, "{reserve}");
        assert_eq!(state(&[asked, (SERVER, watching), (SERVER, b"RESERVED 1 2\r\nhi\r\n")]), State::Turns);
        assert_eq!(state(&[asked, (SERVER, watching), (SERVER, b"TIMED_OUT\r\n")]), State::Turns);
    }
    assert_eq!(state(&[(CLIENT, b"reserve-with-timeout 0\r\n"), (SERVER, b"TIMED_OUT\r\n")]), State::Turns);
}

#[test]
fn what_asks_for_no_answer_in_stomp_is_not_open() {
    let connected: [Spoken; 2] =
        [(CLIENT, b"CONNECT\nhost:a\n\n\0"), (SERVER, b"CONNECTED\nversion:1.2\n\n\0")];
    let read = |more: &[Spoken]| read(&heard(&[&connected, more].concat()), CLIENT).said;
    assert_eq!(super::read(&heard(&connected[..1]), CLIENT).said.state, State::Turns);
    assert_eq!(read(&[(CLIENT, b"SEND\ndestination:/q\n\nhi\0")]).state, State::Idle);
    assert_eq!(read(&[(CLIENT, b"\n")]).state, State::Idle, "a heartbeat");
    let leaves: Spoken = (CLIENT, b"DISCONNECT\nreceipt:1\n\n\0");
    assert!(read(&[leaves]).farewell && read(&[leaves, (SERVER, b"RECEIPT\nreceipt-id:1\n\n\0")]).farewell);
    let word = read(&[(CLIENT, b"SEND\n\n\0"), (SERVER, b"ERROR\nmessage:no destination\n\n\0")]).word;
    assert_eq!(word.map(|word| (word.cause, word.is_answer)), Some((Cause::ServerError, false)));
}

#[test]
fn a_client_of_redis_may_have_asked_for_silence() {
    const SET: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n";
    let pinged: [Spoken; 2] = [(CLIENT, b"*1\r\n$4\r\nPING\r\n"), (SERVER, b"+PONG\r\n")];
    let state = |more: &[Spoken]| read(&heard(&[&pinged, more].concat()), CLIENT).said.state;
    let off: Spoken = (CLIENT, b"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n");
    assert_eq!(state(&[off]), State::Unclear);
    assert_eq!(state(&[off, (CLIENT, SET)]), State::Unclear);
    assert_eq!(state(&[(CLIENT, b"*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$1\r\na\r\n")]), State::Turns);
    assert_eq!(state(&[(CLIENT, SET)]), State::Turns);
}

#[test]
fn a_servers_last_words_have_their_cause() {
    let word = |said: &[(u8, &[u8])], then: &[u8]| {
        let all: Vec<_> = said.iter().copied().chain([(SERVER, then)]).collect();
        read(&heard(&all), CLIENT).said.word.map(|word| (word.cause, word.is_answer))
    };
    let postgresql: &[(u8, &[u8])] =
        &[(CLIENT, b"\0\0\0\x09\0\x03\0\0\0"), (SERVER, b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")];
    let fatal = |code: &str| format!("E\0\0\0\x40SFATAL\0VFATAL\0C{code}\0Mwords\0\0").into_bytes();
    assert_eq!(word(postgresql, &fatal("57P05")), Some((Cause::IdleTimeout, false)));
    assert_eq!(word(postgresql, &fatal("25P03")), Some((Cause::TransactionTimeout, false)));
    assert_eq!(word(postgresql, &fatal("57P01")), Some((Cause::AdminShutdown, false)));
    // Before the session has begun it refuses the client.
    assert_eq!(word(&postgresql[..1], &fatal("28P01")), Some((Cause::ServerError, true)));
    assert_eq!(word(&postgresql[..1], &fatal("57P03")), Some((Cause::AdminShutdown, true)));
    assert_eq!(word(postgresql, &fatal("08P01")), Some((Cause::ServerError, false)));
    let pooler = |words: &str| format!("E\0\0\0\x28SFATAL\0C08P01\0M{words}\0\0").into_bytes();
    assert_eq!(word(postgresql, &pooler("client_idle_timeout")), Some((Cause::IdleTimeout, false)));
    for timeout in ["query timeout", "query_timeout", "query_wait_timeout"] {
        assert_eq!(word(postgresql, &pooler(timeout)), Some((Cause::RequestTimeout, false)), "{timeout}");
    }
    let error = b"E\0\0\0\x40SERROR\0VERROR\0C42601\0Msyntax error\0\0Z\0\0\0\x05I";
    assert_eq!(word(postgresql, error), None, "an answer");
    let mysql: &[(u8, &[u8])] =
        &[(SERVER, MYSQL), (CLIENT, b"\x04\0\0\x01user"), (SERVER, b"\x07\0\0\x02\0\0\0\x02\0\0\0")];
    assert_eq!(word(mysql, b"\x09\0\0\0\xff\xbf\x0f#HY000"), Some((Cause::IdleTimeout, false)));
    assert_eq!(word(mysql, b"\x09\0\0\x01\xff\x28\x04#42000"), None, "an answer");
    let nats: &[(u8, &[u8])] = &[(SERVER, b"INFO {\"server_id\":\"N\"}\r\n"), (CLIENT, b"CONNECT {}\r\n")];
    assert_eq!(word(nats, b"-ERR 'Stale Connection'\r\n"), Some((Cause::HeartbeatTimeout, false)));
    assert_eq!(word(nats, b"-ERR 'Permissions Violation for Publish to \"a\"'\r\n"), None, "it lives on");
    let mqtt: &[(u8, &[u8])] = &[(CLIENT, MQTT), (SERVER, b"\x20\x02\0\0")];
    assert_eq!(word(mqtt, b"\xe0\x01\x8d"), Some((Cause::HeartbeatTimeout, false)));
    let smtp: &[(u8, &[u8])] =
        &[(SERVER, b"220 a ESMTP\r\n"), (CLIENT, b"EHLO b\r\n"), (SERVER, b"250 a\r\n")];
    assert_eq!(word(smtp, b"421 4.4.2 a Error: timeout exceeded\r\n"), Some((Cause::IdleTimeout, false)));
    let imap: &[(u8, &[u8])] =
        &[(SERVER, b"* OK ready\r\n"), (CLIENT, b"a LOGIN me you\r\n"), (SERVER, b"a OK\r\n")];
    assert_eq!(word(imap, b"* BYE Disconnected for inactivity.\r\n"), Some((Cause::IdleTimeout, false)));
    let amqp: &[(u8, &[u8])] =
        &[(CLIENT, b"AMQP\0\0\x09\x01"), (SERVER, b"\x01\0\0\0\0\0\x04\0\x0a\0\x0a\xce")];
    let forced = b"\x01\0\0\0\0\0\x0b\0\x0a\0\x32\x01\x40\x00\0\0\0\0\xce";
    assert_eq!(word(amqp, forced), Some((Cause::AdminShutdown, false)));
}

/// A segment of `len` random bytes, as often as not a beginning that means something.
fn segment(rng: &mut Rng, all: &[Vec<Spoken>]) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..rng.usize(1..90)).map(|_| rng.u8(..)).collect();
    if rng.bool() {
        let said = &all[rng.usize(..all.len())];
        let known = said[rng.usize(..said.len())].1;
        let kept = known.len().min(bytes.len());
        bytes[..kept].copy_from_slice(&known[..kept]);
    }
    bytes
}

#[test]
fn whatever_is_said_the_recorder_keeps_its_edges_and_the_readers_bear_it() {
    let all: Vec<_> = openings().into_iter().map(|(_, said)| said).collect();
    let mut rng = Rng::with_seed(16);
    for _ in 0..20_000 {
        let mut conversation = heard(&[]);
        let mut seqs = [rng.u32(..), rng.u32(..)];
        let (mut turns, mut newest, mut last) = ([0_u32; 2], [Vec::new(), Vec::new()], None);
        for now in 0..rng.u32(1..8) {
            let direction = rng.u8(0..2);
            let (at, bytes) = (usize::from(direction), segment(&mut rng, &all));
            converse(&mut conversation, direction, seqs[at], &bytes, now);
            let before = conversation;
            // A retransmission, of all or of the end.
            let again = rng.usize(..bytes.len());
            converse(
                &mut conversation,
                direction,
                seqs[at].wrapping_add(again as u32),
                &bytes[again..],
                now + 100,
            );
            assert_eq!(conversation, before, "nothing of it is new");
            seqs[at] = seqs[at].wrapping_add(bytes.len() as u32);
            if bytes.len() == 4 && bytes == [0; 4]
                || bytes.len() == 2 && matches!(bytes[..], [0xc0 | 0xd0, 0])
            {
                continue;
            }
            if conversation.heartbeats > before.heartbeats {
                continue;
            }
            turns[at] += u32::from(last != Some(direction));
            (newest[at], last) = (bytes, Some(direction));
        }
        if conversation.heartbeats > 0 {
            continue;
        }
        for direction in [IN, OUT] {
            let (flow, bytes) = (conversation.flow(direction), &newest[usize::from(direction)]);
            assert_eq!(flow.turns, turns[usize::from(direction)]);
            let kept = bytes.len().min(NEWEST_BYTES);
            assert_eq!(flow.newest[..kept], bytes[..kept]);
            assert!(flow.newest[kept..].iter().all(|&byte| byte == 0));
            let end = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
            assert_eq!(flow.tail[TAIL_BYTES - end.len()..], *end);
        }
        let reading = read(&conversation, CLIENT);
        assert_eq!(reading.protocol, recognise(&conversation, CLIENT));
        let client_last = conversation.last_direction == CLIENT;
        // A word that comes at once behind a command is of the server's all the same.
        let is_asked = reading.said.state == State::Asked;
        // Nor is work that a queue waits for, which has no name.
        let is_queue = reading.protocol == Protocol::Other;
        assert!(!is_asked || client_last || is_queue || reading.said.word.is_some(), "{reading:?}");
        assert!(reading.said.state != State::Answering || !client_last, "{reading:?}");
    }
}

#[test]
fn a_gap_is_noted_and_nothing_is_whole_any_more() {
    let mut conversation = heard(&[(CLIENT, b"\0\0\0\x09\0\x03\0\0\0")]);
    assert!(read(&conversation, CLIENT).is_whole);
    converse(&mut conversation, CLIENT, 2000, b"X\0\0\0\x04", 9);
    assert!(conversation.flags & GAP != 0 && !read(&conversation, CLIENT).is_whole);
}
