//! The segments of one connection, set against each other by their sequence numbers.

use std::net::SocketAddr;

use super::segment::Segment;
use crate::order::{Ending, Mark};

/// Many more than any play has; what comes on top is not kept and said.
const MAX_SEGMENTS: usize = 200;

/// The segments of one connection in the order in which they were captured.
#[derive(Debug, Clone)]
pub(super) struct Conversation {
    client: SocketAddr,
    segments: Vec<Segment>,
    pub(super) cut_short: bool,
}

impl Conversation {
    pub(super) fn new(client: SocketAddr) -> Self {
        Self { client, segments: Vec::new(), cut_short: false }
    }

    pub(super) fn push(&mut self, segment: Segment) {
        if self.segments.len() < MAX_SEGMENTS {
            self.segments.push(segment);
        } else {
            self.cut_short = true;
        }
    }

    /// Both ends' first sequence numbers; without them nothing can be told.
    fn origins(&self) -> Option<Origins> {
        let syn = |by_client| {
            let mut of_one = self.segments.iter().filter(|s| (s.from == self.client) == by_client);
            of_one.find(|s| s.syn).map(|s| s.seq.wrapping_add(1))
        };
        Some(Origins { client: syn(true)?, server: syn(false)? })
    }

    fn marks(&self, by_client: bool, wanted: impl Fn(&Segment) -> bool) -> Option<Vec<Mark>> {
        let origins = self.origins()?;
        let (own, other) = origins.from(by_client);
        let sent = self.segments.iter().filter(|s| (s.from == self.client) == by_client && wanted(s));
        Some(
            sent.map(|s| Mark {
                at: s.seq.wrapping_sub(own).into(),
                acks: s.ack.map_or(0, |ack| ack.wrapping_sub(other).into()),
            })
            .collect(),
        )
    }

    /// Whether both SYNs were captured.
    pub(super) fn is_whole(&self) -> bool {
        !self.cut_short && self.origins().is_some()
    }

    /// The first FIN of one end: `at` is where its payload ends.
    fn fin(&self, by_client: bool) -> Option<Mark> {
        let origins = self.origins()?;
        let (own, other) = origins.from(by_client);
        let fin = self.segments.iter().find(|s| s.fin && (s.from == self.client) == by_client)?;
        Some(Mark {
            at: fin.seq.wrapping_add(fin.len).wrapping_sub(own).into(),
            acks: fin.ack.map_or(0, |ack| ack.wrapping_sub(other).into()),
        })
    }

    /// The first RST of one end.
    fn rst(&self, by_client: bool) -> Option<Mark> {
        self.marks(by_client, |s| s.rst)?.into_iter().next()
    }

    /// Whether an end's first RST was captured before its first FIN, or there was no FIN.
    fn resets_first(&self, by_client: bool) -> bool {
        let mut of_one = self.segments.iter().filter(|s| (s.from == self.client) == by_client);
        of_one.find(|s| s.rst || s.fin).is_some_and(|s| s.rst)
    }

    /// An end's first FIN or RST.
    pub(super) fn ending(&self, by_client: bool) -> Option<Ending> {
        let resets = self.resets_first(by_client);
        let mark = if resets { self.rst(by_client) } else { self.fin(by_client) };
        Some(Ending { resets, mark: mark? })
    }

    /// The first segment of the client's that brings the byte at `offset`.
    pub(super) fn brings(&self, offset: u32) -> Option<Mark> {
        let origin = self.origins()?.client;
        self.marks(true, |s| {
            let before = offset.wrapping_sub(s.seq.wrapping_sub(origin));
            before < s.len
        })?
        .into_iter()
        .next()
    }
}

#[derive(Debug, Clone, Copy)]
struct Origins {
    client: u32,
    server: u32,
}

impl Origins {
    /// The origin of an end's own direction, and of the other.
    fn from(self, client: bool) -> (u32, u32) {
        if client { (self.client, self.server) } else { (self.server, self.client) }
    }
}

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;
