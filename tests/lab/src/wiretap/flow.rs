//! The segments of one connection.

use std::{net::SocketAddr, time::Duration};

use crate::{
    oracle::Talk,
    order::{self, Ending, First, Mark},
    truth::Side,
};

/// One connection, as it was seen on the wire.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flow {
    /// Who sent the first SYN.
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    /// In the order in which they were captured.
    pub(crate) segments: Vec<Segment>,
    /// The capture may have left out some.
    pub(crate) may_have_holes: bool,
}

/// Sequence numbers are as Wireshark shows them: the SYN's is 0, the first byte's 1; they do not wrap.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    /// Seconds since 1970.
    pub(crate) at: f64,
    pub(crate) by: Side,
    pub(crate) seq: u64,
    /// `None` without the ACK flag.
    pub(crate) ack: Option<u64>,
    pub(crate) payload: Vec<u8>,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    /// Bytes that its sender has room for, scaled.
    pub(crate) window: u32,
}

impl Segment {
    /// Where its payload ends.
    pub(crate) fn end(&self) -> u64 {
        // A SYN's payload (fast open) would begin after it.
        self.seq + u64::from(self.syn) + self.payload.len() as u64
    }

    /// Where its payload begins.
    pub(crate) fn start(&self) -> u64 {
        self.seq + u64::from(self.syn)
    }
}

/// One end's first FIN or RST, and where in the flow it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Left {
    pub(crate) ending: Ending,
    /// Of the segment.
    pub(crate) index: usize,
    /// A reset that acknowledges nothing: the answer to a segment that no socket knew.
    pub(crate) bare: bool,
}

impl Flow {
    /// Whether the capture has its beginning.
    pub(crate) fn has_beginning(&self) -> bool {
        self.segments.first().is_some_and(|first| first.syn && first.ack.is_none())
    }

    /// Whether the server's kernel took the connection and the client's learnt of it.
    pub(crate) fn is_established(&self) -> bool {
        let taken = self.of(Side::Server).any(|(_, segment)| segment.syn);
        taken && self.of(Side::Client).any(|(_, segment)| !segment.syn && segment.ack >= Some(1))
    }

    /// From the place of the capture to one end and back, by the handshake. Close to nothing on loopback.
    pub(crate) fn round_trip(&self, to: Side) -> Option<Duration> {
        let by =
            |side: Side, syn: bool| self.of(side).map(|(_, segment)| segment).find(move |s| s.syn == syn);
        let answer = by(Side::Server, true)?;
        let (asked, answered) = match to {
            Side::Server => (by(Side::Client, true)?, answer),
            Side::Client => (answer, by(Side::Client, false)?),
        };
        Some(Duration::from_secs_f64((answered.at - asked.at).max(0.0)))
    }

    pub(crate) fn of(&self, side: Side) -> impl DoubleEndedIterator<Item = (usize, &Segment)> {
        self.segments.iter().enumerate().filter(move |(_, segment)| segment.by == side)
    }

    /// An end's first FIN or RST.
    pub(crate) fn left(&self, side: Side) -> Option<Left> {
        let (index, segment) = self.of(side).find(|(_, segment)| segment.fin || segment.rst)?;
        let mark = Mark { at: segment.end(), acks: segment.ack.unwrap_or(0) };
        let ending = Ending { resets: segment.rst, mark };
        Some(Left { ending, index, bare: segment.rst && segment.ack.is_none() })
    }

    /// Whose FIN or RST was first, by what each acknowledges.
    pub(crate) fn first(&self) -> Option<First> {
        let ending = |side| self.left(side).map(|left| left.ending);
        order::first(ending(Side::Client), ending(Side::Server))
    }

    /// Where the first FIN or RST of all is.
    pub(crate) fn hung_up(&self) -> Option<(usize, &Segment)> {
        let left = match self.first()? {
            First::Client(_) => self.left(Side::Client)?,
            First::Server(_) => self.left(Side::Server)?,
            First::Both => [Side::Client, Side::Server]
                .into_iter()
                .filter_map(|side| self.left(side))
                .min_by_key(|left| left.index)?,
        };
        self.segments.get(left.index).map(|segment| (left.index, segment))
    }

    /// Where the payload ends that an end sent without having seen the other's end (at `fin` in the other's direction).
    pub(crate) fn sent_unaware(&self, side: Side, fin: u64) -> u64 {
        self.payload(side).filter(|segment| segment.ack <= Some(fin)).map(Segment::end).max().unwrap_or(1)
    }

    /// Where all payload of an end ends.
    pub(crate) fn sent(&self, side: Side) -> u64 {
        self.payload(side).map(Segment::end).max().unwrap_or(1)
    }

    /// What comes behind an end's FIN has a number, and is no payload.
    fn payload(&self, side: Side) -> impl Iterator<Item = &Segment> {
        self.of(side).map(|(_, segment)| segment).filter(|segment| !segment.payload.is_empty())
    }

    /// An end's segments with payload before `until`, in the order of their bytes; of those sent twice the first.
    pub(crate) fn pieces(&self, side: Side, until: u64) -> Vec<&Segment> {
        let of_one = self.of(side).map(|(_, segment)| segment);
        let mut pieces: Vec<_> =
            of_one.filter(|segment| !segment.payload.is_empty() && segment.start() < until).collect();
        pieces.sort_by_key(|segment| segment.start());
        let mut known = 0;
        pieces.retain(|segment| {
            let is_new = segment.end() > known;
            known = known.max(segment.end());
            is_new
        });
        pieces
    }

    /// The bytes of one direction from the first one to before `until`; `None` when some were not captured.
    pub(crate) fn bytes(&self, side: Side, until: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for piece in self.pieces(side, until) {
            let have = 1 + bytes.len() as u64;
            let known = usize::try_from(have.checked_sub(piece.start())?).ok()?;
            bytes.extend_from_slice(piece.payload.get(known..).unwrap_or_default());
        }
        let wanted = usize::try_from(until.saturating_sub(1)).ok()?;
        (bytes.len() >= wanted).then(|| {
            bytes.truncate(wanted);
            bytes
        })
    }

    /// What had been said when the client had sent so much and the server so much.
    pub(crate) fn talk(&self, client: u64, server: u64) -> Option<Talk> {
        Some(Talk { asked: self.bytes(Side::Client, client)?, answered: self.bytes(Side::Server, server)? })
    }

    /// Whether an end may have written more than had left before the segment at `index`: some of it was not
    /// acknowledged (so that the rest may have had to wait), or the other end had no room.
    pub(crate) fn may_have_more(&self, side: Side, index: usize) -> bool {
        let until = |by| self.of(by).take_while(move |(at, _)| *at < index).map(|(_, segment)| segment);
        let sent = until(side).map(Segment::end).max();
        let acked = until(side.other()).filter_map(|segment| segment.ack).max();
        let window = until(side.other()).last().map(|segment| segment.window);
        acked < sent || window == Some(0)
    }
}

#[cfg(test)]
pub(crate) mod tests;
