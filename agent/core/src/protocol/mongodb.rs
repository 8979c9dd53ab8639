//! MongoDB (its manual, "MongoDB Wire Protocol"): each message has a number, and names the one that it answers.

use super::{Edges, Message, Said, State};

/// OP_REPLY, OP_QUERY, OP_COMPRESSED, OP_MSG.
const OPERATIONS: [u32; 4] = [1, 2004, 2012, OP_MSG];
const OP_MSG: u32 = 2013;
/// Flags of an OP_MSG: nothing answers it, or more comes without being asked for.
const MORE_TO_COME: u32 = 1 << 1;

pub(super) fn is_spoken(edges: &Edges<'_>) -> bool {
    let (opening, answer) = (&edges.client.opening, &edges.server.opening);
    !edges.server_spoke_first
        && is_message(opening)
        && opening.le32(8) == Some(0)
        && opening.le32(0).is_some_and(|len| len >= opening.len)
        && (answer.is_empty() || is_message(answer) && answer.le32(8) == opening.le32(4))
}

pub(super) fn is_spoken_later(edges: &Edges<'_>) -> bool {
    let (asked, answer) = (&edges.client.turn, &edges.server.turn);
    is_message(asked) && is_message(answer) && (edges.client_spoke_last || answer.le32(8) == asked.le32(4))
}

pub(super) fn read(edges: &Edges<'_>) -> Said {
    let state = if edges.client_spoke_last {
        let newest = &edges.client.newest;
        let is_one_way = edges.client.is_turn_newest
            && newest.le32(12) == Some(OP_MSG)
            && newest.le32(16).is_some_and(|flags| flags & MORE_TO_COME != 0);
        if is_one_way { State::Idle } else { State::Asked }
    } else {
        State::Turns
    };
    Said { state, ..Said::default() }
}

fn is_message(message: &Message<'_>) -> bool {
    message.le32(0).is_some_and(|len| (16..48 << 20).contains(&len))
        && message.le32(12).is_some_and(|operation| OPERATIONS.contains(&operation))
}
