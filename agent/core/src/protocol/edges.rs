//! A conversation as both ends see it: the client's messages and the server's.

use whohungup_ebpf::{
    conversation::{Conversation, Flow, GAP, STARTED_LATE},
    exchange::{IN, NONE, OUT},
};

use crate::sanitize::clean;

/// The edges of one segment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// Its first bytes.
    pub first: &'a [u8],
    /// Its last eight bytes, zeros before them if it is shorter; zeros where they are not kept.
    pub tail: [u8; 8],
    /// Bytes in all; 0 where there was none.
    pub len: u32,
}

impl<'a> Message<'a> {
    fn new(bytes: &'a [u8], len: u32, tail: [u8; 8]) -> Self {
        let kept = bytes.len().min(usize::try_from(len).unwrap_or(usize::MAX));
        Self { first: bytes.get(..kept).unwrap_or_default(), tail, len }
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn starts_with(&self, with: &[u8]) -> bool {
        self.first.starts_with(with)
    }

    /// The same, whatever the case of its letters.
    pub fn starts_with_word(&self, with: &str) -> bool {
        self.first.get(..with.len()).is_some_and(|first| first.eq_ignore_ascii_case(with.as_bytes()))
    }

    pub fn ends_with(&self, with: &[u8]) -> bool {
        self.tail.ends_with(with)
    }

    /// The byte `at`; 0 where it is not kept.
    pub fn byte(&self, at: usize) -> u8 {
        self.first.get(at).copied().unwrap_or_default()
    }

    /// Two bytes from `at`, the most significant first.
    pub fn be16(&self, at: usize) -> Option<u16> {
        self.first.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    pub fn le16(&self, at: usize) -> Option<u16> {
        self.first.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
    }

    pub fn be32(&self, at: usize) -> Option<u32> {
        self.first.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    pub fn le32(&self, at: usize) -> Option<u32> {
        self.first.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Its first line or what is kept of it, fit for terminals and tickets.
    pub fn line(&self) -> String {
        let end =
            self.first.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(self.first.len());
        clean(&String::from_utf8_lossy(self.first.get(..end).unwrap_or_default()), self.first.len())
    }
}

/// What is kept of one end's messages.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Its first segment.
    pub opening: Message<'a>,
    /// The segment that began its newest turn.
    pub turn: Message<'a>,
    /// Its newest segment.
    pub newest: Message<'a>,
    /// The end of the segment before that.
    pub before: [u8; 8],
    /// The newest segment is all of the newest turn.
    pub is_turn_newest: bool,
    /// The newest segment follows the one that began the newest turn.
    pub is_turn_before: bool,
    /// Its turns so far.
    pub turns: u32,
}

impl<'a> End<'a> {
    fn of(flow: &'a Flow) -> Self {
        Self {
            opening: Message::new(&flow.opening, flow.opening_len, [0; 8]),
            turn: Message::new(&flow.turn, flow.turn_len, [0; 8]),
            newest: Message::new(&flow.newest, flow.newest_len, flow.tail),
            before: flow.before,
            is_turn_newest: flow.turn_seq == flow.newest_seq,
            is_turn_before: flow.turn_seq.wrapping_add(flow.turn_len) == flow.newest_seq,
            turns: flow.turns,
        }
    }
}

/// Both ends' messages.
#[derive(Clone, Copy, Debug)]
pub struct Edges<'a> {
    pub client: End<'a>,
    pub server: End<'a>,
    pub client_spoke_last: bool,
    /// The server's first segment came before the client's, as far as is known.
    pub server_spoke_first: bool,
    /// The openings are those of the connection.
    pub is_late: bool,
    pub is_whole: bool,
}

impl<'a> Edges<'a> {
    /// `client` is the direction of the client's bytes.
    pub fn of(conversation: &'a Conversation, client: u8) -> Self {
        let server = if client == IN { OUT } else { IN };
        let (client_flow, server_flow) = (conversation.flow(client), conversation.flow(server));
        let is_late = conversation.flags & STARTED_LATE != 0;
        Self {
            client: End::of(client_flow),
            server: End::of(server_flow),
            client_spoke_last: conversation.last_direction == client && conversation.last_direction != NONE,
            // The one whose turn it is has had as many turns as the other, if the other began.
            server_spoke_first: if conversation.last_direction == server {
                server_flow.turns > client_flow.turns
            } else {
                server_flow.turns >= client_flow.turns && server_flow.turns > 0
            },
            is_late,
            is_whole: !is_late && conversation.flags & GAP == 0,
        }
    }
}
