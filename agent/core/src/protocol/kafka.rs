//! Kafka (its documentation, "Kafka protocol guide"): each request has a number, which its response repeats.

use super::{Edges, Message, Said, State};

/// Keys and versions of requests go higher with each release, and have not come near these.
const MAX_KEY: u16 = 120;
const MAX_VERSION: u16 = 24;
/// Produce, of which `acks=0` is not answered.
const PRODUCE: u16 = 0;

pub(super) fn is_spoken(edges: &Edges<'_>) -> bool {
    !edges.server_spoke_first && is_pair(&edges.client.opening, &edges.server.opening, true)
}

pub(super) fn is_spoken_later(edges: &Edges<'_>) -> bool {
    let (asked, answer) = (&edges.client.turn, &edges.server.turn);
    !edges.client_spoke_last && !answer.is_empty() && is_pair(asked, answer, false)
}

pub(super) fn read(edges: &Edges<'_>) -> Said {
    let (asked, answer) = (&edges.client.newest, &edges.server.newest);
    let is_whole = is_request(asked);
    let is_answered = number(asked) == answer.be32(4);
    let state = match () {
        () if !is_whole => State::Turns,
        () if is_answered && !edges.client_spoke_last => State::Idle,
        // Others may have been answered before it: requests are pipelined.
        () if asked.be16(4) == Some(PRODUCE) => State::Turns,
        () if edges.client_spoke_last => State::Asked,
        () => State::Turns,
    };
    Said { state, ..Said::default() }
}

fn is_pair(asked: &Message<'_>, answer: &Message<'_>, is_opening: bool) -> bool {
    let is_answer = answer.is_empty() && is_opening || number(asked) == answer.be32(4);
    // ZooKeeper begins with the version of its protocol, and that is 0.
    let is_zookeeper = is_opening && asked.be32(4) == Some(0);
    is_request(asked) && is_answer && !is_zookeeper
}

/// Length, key, version, number, and the length of the client's name.
fn is_request(message: &Message<'_>) -> bool {
    let name = message.be16(12);
    message.be32(0).is_some_and(|len| u64::from(len) + 4 == u64::from(message.len))
        && message.be16(4).is_some_and(|key| key <= MAX_KEY)
        && message.be16(6).is_some_and(|version| version <= MAX_VERSION)
        && name.is_some_and(|len| len == u16::MAX || u32::from(len) < message.len)
}

fn number(message: &Message<'_>) -> Option<u32> {
    message.be32(8)
}
