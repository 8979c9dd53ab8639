//! A conversation as segments, followed by the code that runs in the kernel and read as the agent reads it.

use fastrand::Rng;
use whohungup_core::{
    http::{self, Written},
    labels::Phase,
};
use whohungup_ebpf::{
    exchange::{Exchange, IN, OUT, state},
    framing::sample::follow,
};
use zerocopy::FromZeros as _;

use crate::{conversation::Conversation, oracle::Oracle};

/// How the bytes of a conversation are cut into segments.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cuts {
    /// As they were written.
    Runs,
    /// Every byte alone; of long content, some.
    Bytes,
    /// Anywhere.
    Random,
    /// Where something begins or ends, and a byte beside it.
    Boundaries,
}

/// What happens to segments under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    Clean,
    /// Sent again, in part or in full.
    Repeats,
    /// Never seen.
    Loses,
}

/// One socket, which has seen so much of a conversation.
#[derive(Clone)]
pub(crate) struct Wire<'a> {
    conversation: &'a Conversation,
    oracle: &'a Oracle,
    exchange: Exchange,
    request_direction: u8,
    /// Bytes that have passed and the sequence numbers of the first, requests' and responses'.
    passed: [usize; 2],
    first_seq: [u32; 2],
    /// Of them, those that had come when the other side last spoke: nobody sends them again.
    settled: [usize; 2],
    /// The newest bytes of this direction were not seen: nothing can be reported yet.
    blind: [bool; 2],
    now: u32,
    pub(crate) compared: u64,
    pub(crate) doubtful: u64,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(rng: &mut Rng, conversation: &'a Conversation, oracle: &'a Oracle) -> Self {
        let mut seq = || if rng.bool() { rng.u32(..) } else { u32::MAX - rng.u32(..1000) };
        Self {
            conversation,
            oracle,
            exchange: Exchange::new_zeroed(),
            first_seq: [seq(), seq()],
            request_direction: if rng.bool() { IN } else { OUT },
            passed: [0; 2],
            settled: [0; 2],
            blind: [false; 2],
            now: 1,
            compared: 0,
            doubtful: 0,
        }
    }

    /// Everything passes; after each segment the reading is compared.
    pub(crate) fn play(&mut self, rng: &mut Rng, cuts: Cuts, path: Path) {
        let boundaries = [self.oracle.boundaries(false), self.oracle.boundaries(true)];
        for run in &self.conversation.runs {
            let mut left = run.len;
            while left > 0 {
                let at = self.passed[usize::from(run.asks)];
                let len = match cuts {
                    Cuts::Runs => left,
                    Cuts::Bytes if self.oracle.is_content(run.asks, at) => rng.usize(1..100),
                    Cuts::Bytes => 1,
                    Cuts::Random => {
                        let most = if rng.bool() { 16 } else { 600 };
                        rng.usize(1..most)
                    }
                    Cuts::Boundaries => {
                        let next = boundaries[usize::from(run.asks)].iter().find(|&&boundary| boundary > at);
                        let beside = rng.usize(..3);
                        next.map_or(left, |next| (next + beside - at).saturating_sub(1).max(1))
                    }
                };
                let len = len.min(left);
                left -= len;
                self.segment(rng, run.asks, len, path);
            }
        }
    }

    /// For each of up to `most` positions: the run up to it as one segment, then the rest as another.
    pub(crate) fn split_everywhere(&mut self, rng: &mut Rng, most: usize) {
        for run in &self.conversation.runs {
            for n in 1..run.len.min(most) {
                let split = if run.len <= most { n } else { rng.usize(1..run.len) };
                let mut copy = self.clone();
                copy.segment(rng, run.asks, split, Path::Clean);
                copy.segment(rng, run.asks, run.len - split, Path::Clean);
                self.compared = copy.compared;
            }
            self.segment(rng, run.asks, run.len, Path::Clean);
        }
    }

    fn bytes(&self, asks: bool) -> &'a [u8] {
        if asks { &self.conversation.requests } else { &self.conversation.responses }
    }

    fn direction(&self, asks: bool) -> u8 {
        if asks { self.request_direction } else { IN + OUT - self.request_direction }
    }

    fn follow(&mut self, asks: bool, from: usize, to: usize) {
        let seq = self.first_seq[usize::from(asks)].wrapping_add(from as u32);
        let (direction, bytes) = (self.direction(asks), self.bytes(asks));
        follow(&mut self.exchange, direction, seq, &bytes[from..to], self.now);
    }

    fn segment(&mut self, rng: &mut Rng, asks: bool, len: usize, path: Path) {
        self.now += 1;
        let at = self.passed[usize::from(asks)];
        self.passed[usize::from(asks)] = at + len;
        self.settled[usize::from(!asks)] = self.passed[usize::from(!asks)];
        // The first segment that is read tells where the numbers begin.
        let is_new = self.exchange.streams[usize::from(self.direction(asks))].state == state::NEW;
        if path == Path::Loses && !is_new && rng.u8(..12) == 0 {
            self.blind[usize::from(asks)] = true;
            return;
        }
        let mut from = at;
        if path != Path::Clean {
            // One that was lost may come late, too.
            let settled = if path == Path::Loses { self.settled[usize::from(asks)] } else { 0 };
            if rng.u8(..4) == 0 && !is_new && at > settled {
                let old = rng.usize(settled..at);
                self.follow(asks, old, rng.usize(old..=at));
            }
            if path == Path::Repeats && rng.u8(..4) == 0 {
                from = rng.usize(..=at);
            }
        }
        self.follow(asks, from, at + len);
        self.blind[usize::from(asks)] = false;
        self.compare(path);
    }

    fn compare(&mut self, path: Path) {
        if self.blind.contains(&true) {
            return;
        }
        self.compared += 1;
        let want = self.oracle.at(self.passed[1], self.passed[0]);
        if !http::is_read(&self.exchange) {
            if path == Path::Loses {
                self.doubtful += 1;
                return;
            }
            assert_eq!(want, (Phase::Unused, 0), "not read after {:?}", self.passed);
            return;
        }
        let sends = usize::from(self.request_direction == OUT);
        let write_seq = self.first_seq[sends].wrapping_add(self.passed[sends] as u32);
        let standing = http::read(&self.exchange, Written { write_seq, sent_seq: write_seq });
        if path == Path::Loses && !standing.exact {
            self.doubtful += 1;
            return;
        }
        let got = (standing.phase, standing.in_flight);
        let [responses, requests] = self.passed;
        let shown =
            |bytes: &[u8]| String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(400)..]).into_owned();
        assert!(
            got == (want.0, Some(want.1)) && standing.exact,
            "{got:?}, exact {}, but it is {want:?} after {requests} bytes of requests:\n{:?}\nand {responses} of \
             responses:\n{:?}\n{:?}",
            standing.exact,
            shown(&self.bytes(true)[..requests]),
            shown(&self.bytes(false)[..responses]),
            self.exchange.streams.map(|stream| (stream.state, stream.skip, stream.length, stream.notes)),
        );
    }
}
