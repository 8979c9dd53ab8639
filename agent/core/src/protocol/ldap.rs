//! LDAP (RFC 4511): messages in BER, each with a number.

use super::{Edges, Message, Said, State, Word};
use crate::labels::Cause;

/// Tags of operations: bind, unbind, search, extended request, extended response.
const UNBIND: u8 = 0x42;
const OPENERS: [u8; 3] = [0x60, 0x63, 0x77];
const EXTENDED_RESPONSE: u8 = 0x78;

pub(super) fn is_spoken(edges: &Edges<'_>) -> bool {
    let opening = &edges.client.opening;
    !edges.server_spoke_first && operation(opening).is_some_and(|(_, tag)| OPENERS.contains(&tag))
}

pub(super) fn read(edges: &Edges<'_>) -> Said {
    let farewell = operation(&edges.client.newest).is_some_and(|(_, tag)| tag == UNBIND);
    // Notice of Disconnection (section 4.4.1): number 0, unasked.
    let notice = operation(&edges.server.newest) == Some((0, EXTENDED_RESPONSE));
    let word = notice.then(|| Word {
        cause: Cause::AdminShutdown,
        code: "notice of disconnection".to_owned(),
        is_answer: false,
    });
    let state = if farewell || word.is_some() { State::Idle } else { State::Turns };
    Said { state, farewell, word, ..Said::default() }
}

/// Number, where it has one byte, and tag.
fn operation(message: &Message<'_>) -> Option<(u8, u8)> {
    let rest = message.first.strip_prefix(&[0x30])?;
    let (&length, rest) = rest.split_first()?;
    // A long length has its own length in the lower bits.
    let more = if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7f) };
    match rest.get(more..)? {
        [2, 1, number, tag, ..] => Some((*number, *tag)),
        [2, 2, _, _, tag, ..] => Some((u8::MAX, *tag)),
        _ => None,
    }
}
