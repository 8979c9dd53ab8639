//! What is spoken on a connection whose messages are not followed, and what its edges say: the first and last bytes of the
//! newest messages, and whose turn it is.
//!
//! One file for each protocol. A protocol is told by its own first bytes, never by a port. Where the edges do not decide, who
//! spoke last does ([`State::Turns`]), as in a protocol that is not known.

mod amqp;
mod edges;
mod kafka;
mod ldap;
mod lines;
mod memcached;
mod mongodb;
mod mqtt;
mod mysql;
mod nats;
mod postgresql;
mod queues;
mod redis;

use whohungup_ebpf::conversation::Conversation;

use crate::labels::{Cause, Protocol};
pub use edges::{Edges, Message};

/// Bytes of a message that was not seen, and may be a farewell: COM_QUIT (MySQL) and Terminate (PostgreSQL) have 5, QUIT with
/// its line end 6, an LDAP unbind 7; no request of those protocols is as short.
pub const MAX_FAREWELL_BYTES: u32 = 7;

/// Whether something is open, as the edges say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// They do not say: whoever spoke last decides.
    #[default]
    Turns,
    /// Whether the newest command asks for an answer lies beyond what is kept of it. A server that has read it and lives
    /// would have answered at once.
    Unclear,
    /// Nothing is.
    Idle,
    /// A transaction, and no command in it.
    Transaction,
    /// A command that has no answer yet.
    Asked,
    /// A command whose answer is under way.
    Answering,
}

/// An error that the server said, after which it ends the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub cause: Cause,
    /// In the protocol's own terms.
    pub code: String,
    /// It answers what the client had asked: that was refused, and not lost.
    pub is_answer: bool,
}

/// What a protocol makes of its edges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub state: State,
    /// The client's newest message takes leave.
    pub farewell: bool,
    /// The server's newest message ends the connection.
    pub word: Option<Word>,
    /// Seconds after which the server ends a connection whose client says nothing at all.
    pub most_silence: Option<f64>,
    /// The server says why it ends a connection, unless heartbeats are missing.
    pub owes_a_word: bool,
    /// The client's newest message has no answer: a server that does not like it closes the connection.
    pub is_refused_by_closing: bool,
    /// The state is likely, and not proved.
    pub is_guess: bool,
}

/// What the edges of a conversation say.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub protocol: Protocol,
    pub said: Said,
    /// Seen from the first byte on, without a gap: what the edges say is proved.
    pub is_whole: bool,
    /// Several requests may be open at once, and their answers come in any order.
    pub is_multiplexed: bool,
}

type IsSpoken = fn(&Edges<'_>) -> bool;
type Read = fn(&Edges<'_>) -> Said;

/// Protocols in the order in which they are tried: by what the openings are, by what any two messages are when the openings
/// were not seen, and how they are read.
const PROTOCOLS: &[(Protocol, IsSpoken, Option<IsSpoken>, Read)] = &[
    (Protocol::Postgresql, postgresql::is_spoken, Some(postgresql::is_spoken_later), postgresql::read),
    (Protocol::Mysql, mysql::is_spoken, Some(mysql::is_spoken_later), mysql::read),
    (Protocol::Amqp, amqp::is_spoken, Some(amqp::is_spoken_later), amqp::read),
    (Protocol::Amqp10, amqp::is_1_0_spoken, None, amqp::read_1_0),
    (Protocol::Nats, nats::is_spoken, None, nats::read),
    (Protocol::Mqtt, mqtt::is_spoken, None, mqtt::read),
    (Protocol::Mongodb, mongodb::is_spoken, Some(mongodb::is_spoken_later), mongodb::read),
    (Protocol::Ldap, ldap::is_spoken, None, ldap::read),
    (Protocol::Kafka, kafka::is_spoken, Some(kafka::is_spoken_later), kafka::read),
    (Protocol::Ftp, lines::is_ftp_spoken, None, lines::read_ftp),
    (Protocol::Smtp, lines::is_smtp_spoken, None, lines::read_smtp),
    (Protocol::Imap, lines::is_imap_spoken, None, lines::read_imap),
    (Protocol::Pop3, lines::is_pop3_spoken, None, lines::read_pop3),
    (Protocol::Memcached, memcached::is_spoken, None, memcached::read),
    (Protocol::Redis, redis::is_spoken, Some(redis::is_spoken_later), redis::read),
];

/// What is spoken, as far as the edges tell. `client` is the direction of the client's bytes.
pub fn recognise(conversation: &Conversation, client: u8) -> Protocol {
    find(&Edges::of(conversation, client)).map_or(Protocol::Other, |(protocol, _)| protocol)
}

/// Reads the edges. `client` is the direction of the client's bytes.
pub fn read(conversation: &Conversation, client: u8) -> Reading {
    let edges = Edges::of(conversation, client);
    let (protocol, said) = find(&edges)
        .map_or((Protocol::Other, lines::read_other(&edges)), |(protocol, read)| (protocol, read(&edges)));
    Reading { protocol, said, is_whole: edges.is_whole, is_multiplexed: is_multiplexed(protocol) }
}

/// Turns are no requests there: messages are pushed, acknowledged, or answered in any order.
pub const fn is_multiplexed(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::Amqp
            | Protocol::Amqp10
            | Protocol::Kafka
            | Protocol::Nats
            | Protocol::Mqtt
            | Protocol::Mongodb
            | Protocol::Ldap
            | Protocol::Imap
    )
}

fn find(edges: &Edges<'_>) -> Option<(Protocol, Read)> {
    let fits = |(protocol, opened, later, read): &(Protocol, IsSpoken, Option<IsSpoken>, Read)| {
        let is_spoken = if edges.is_late { later.is_some_and(|later| later(edges)) } else { opened(edges) };
        is_spoken.then_some((*protocol, *read))
    };
    PROTOCOLS.iter().find_map(fits)
}

#[cfg(test)]
mod tests;
