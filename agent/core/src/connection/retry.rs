//! Races that a retry hides: the same process sends the lost request again, and nobody ever hears of it.
//!
//! A client's race is held back for up to a second. Meanwhile the sockets of its process are asked for their newest
//! requests: one that is the lost request again, and is answered, hides the race. That it is the same request is proved by
//! what names it ([`same_request`]): a worker's next item, or another client in the process, has the same head.

use std::{collections::VecDeque, net::SocketAddr};

use whohungup_ebpf::exchange::{Exchange, HTTP, OUT, Stream, state};

use super::same_request;
use crate::close::ClosedConnection;

const MS: u64 = 1_000_000;
/// When the sockets are asked, after a race was settled.
const ASKED_AFTER_NS: [u64; 3] = [50 * MS, 250 * MS, 1_000 * MS];
/// Then it is over, whatever was found.
const HELD_FOR_NS: u64 = 1_100 * MS;
/// Races held at once; more are reported without looking.
const MAX_HELD: usize = 64;
/// Retries remembered, so that none explains two races.
const MAX_TAKEN: usize = 1024;
/// A retry begins no later than this after the loss was known.
const PROMPT_SECONDS: f64 = 0.1;

/// Sockets to look at: a client's connections to one server that have begun a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetryQuery {
    pub netns: u32,
    pub server: SocketAddr,
    /// Jiffies; requests that began before are of no interest.
    pub since: u32,
}

/// One socket that was found, as it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) cookie: u64,
    pub(super) pid: u32,
    pub(super) netns: u32,
    pub(super) server: SocketAddr,
    pub(super) exchange: &'a Exchange,
}

/// What was lost.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    pub(super) pid: u32,
    /// The head of the request, as much of it as is kept.
    pub(super) head: Vec<u8>,
    /// Jiffies when the request began, and when its loss was known.
    pub(super) began: u32,
    pub(super) known: u32,
}

#[derive(Debug)]
struct Held {
    close: ClosedConnection,
    lost: Lost,
    since_ns: u64,
    /// Of [`ASKED_AFTER_NS`].
    asked: usize,
}

/// One retry explains one race.
#[derive(Clone, Copy, Debug)]
struct Taken {
    cookie: u64,
    /// Jiffies at which the request began.
    began: u32,
    at_ns: u64,
}

#[derive(Debug, Default)]
pub(super) struct Retries {
    /// Of races that are about to be reported, by cookie.
    lost: Vec<(u64, Lost)>,
    held: Vec<Held>,
    /// Retries that explain a race already, oldest first.
    taken: VecDeque<Taken>,
    /// CLOCK_MONOTONIC ns of the newest call that gave it.
    now_ns: u64,
    pub(super) retried: u64,
    /// Races that were not looked into: too many came at once, or looking takes too long here.
    pub(super) unchecked: u64,
}

impl Lost {
    /// The newest request of a client's `exchange`; `None` where it cannot be recognised again.
    pub(super) fn of(exchange: &Exchange, pid: u32, known: u32) -> Option<Self> {
        let request = newest_request(exchange)?;
        let head = head(request);
        same_request::is_named(head).then(|| Self { pid, head: head.to_vec(), began: request.started, known })
    }
}

impl Retries {
    /// The request that the race of `cookie` lost can be recognised.
    pub(super) fn expect(&mut self, cookie: u64, lost: Lost) {
        if self.lost.len() < MAX_HELD {
            self.lost.push((cookie, lost));
        } else {
            self.unchecked += 1;
        }
    }

    /// Takes races out of `ready` while they may turn out to be retried, and puts those back that need no more looking.
    pub(super) fn hold(&mut self, ready: &mut Vec<ClosedConnection>, now_ns: u64) {
        let Self { lost, held, unchecked, .. } = self;
        if !lost.is_empty() {
            let awaited =
                |closed: &mut ClosedConnection| lost.iter().any(|(cookie, _)| *cookie == closed.id.cookie);
            let races: Vec<ClosedConnection> = ready.extract_if(.., awaited).collect();
            for closed in races {
                let at = lost.iter().position(|(cookie, _)| *cookie == closed.id.cookie);
                match at.map(|at| lost.swap_remove(at).1) {
                    Some(lost) => held.push(Held { close: closed, lost, since_ns: now_ns, asked: 0 }),
                    None => ready.push(closed),
                }
            }
            lost.clear();
            let over = held.len().saturating_sub(MAX_HELD);
            *unchecked += over as u64;
            ready.extend(held.drain(..over).map(|held| held.close));
        }
        self.release(now_ns, ready);
    }

    /// When the oldest of the closes that are held began, CLOCK_MONOTONIC ns.
    pub(super) fn oldest_held(&self) -> Option<u64> {
        self.held.iter().map(|held| held.close.at_ns).min()
    }

    /// Which sockets are to be looked at now.
    pub(super) fn retry_queries(&mut self, now_ns: u64) -> Vec<RetryQuery> {
        self.now_ns = now_ns;
        let mut queries = Vec::new();
        for held in &mut self.held {
            let is_due = |&after: &u64| now_ns >= held.since_ns + after;
            if !ASKED_AFTER_NS.get(held.asked).is_some_and(is_due) {
                continue;
            }
            held.asked += 1;
            let (netns, server) = (held.close.netns, held.close.ends.remote);
            queries.push(RetryQuery { netns, server, since: held.lost.began });
        }
        queries
    }

    /// Looks for retries among what was found; `tick` is in seconds.
    pub(super) fn found(&mut self, candidates: &[Candidate<'_>], tick: f64) {
        let Self { held, taken, retried, now_ns, .. } = self;
        for held in held.iter_mut().filter(|held| held.close.retried.is_none()) {
            let others = candidates.iter().filter(|candidate| {
                candidate.cookie != held.close.id.cookie
                    && candidate.netns == held.close.netns
                    && candidate.server == held.close.ends.remote
            });
            let Some(retry) = held.lost.retry(others, tick) else { continue };
            let began = newest_request(retry.exchange).map_or(0, |request| request.started);
            let is_taken = taken.iter().any(|known| (known.cookie, known.began) == (retry.cookie, began));
            if is_answered(retry.exchange) && !is_taken {
                if taken.len() >= MAX_TAKEN {
                    taken.pop_front();
                }
                taken.push_back(Taken { cookie: retry.cookie, began, at_ns: *now_ns });
                held.close.retried = Some(true);
                *retried += 1;
            }
        }
    }

    fn release(&mut self, now_ns: u64, ready: &mut Vec<ClosedConnection>) {
        let is_over = |held: &mut Held| held.close.retried.is_some() || now_ns >= held.since_ns + HELD_FOR_NS;
        for held in self.held.extract_if(.., is_over) {
            self.unchecked += u64::from(held.asked == 0);
            ready.push(held.close);
        }
        // A race whose retry this was not may be held for as long again.
        while self.taken.front().is_some_and(|taken| taken.at_ns + 2 * HELD_FOR_NS < now_ns) {
            self.taken.pop_front();
        }
    }

    /// Hands over all of them: nobody will look any more.
    pub(super) fn release_all(&mut self, ready: &mut Vec<ClosedConnection>) {
        ready.extend(self.held.drain(..).map(|held| held.close));
    }
}

impl Lost {
    /// The one request among `others` that is this one again.
    fn retry<'a>(
        &self,
        others: impl Iterator<Item = &'a Candidate<'a>>,
        tick: f64,
    ) -> Option<&'a Candidate<'a>> {
        let prompt = (PROMPT_SECONDS / tick) as u32;
        let mut retries = Vec::new();
        for other in others.filter(|other| other.pid == self.pid) {
            let Some(request) = newest_request(other.exchange) else { continue };
            if head(request) != self.head {
                continue;
            }
            if (request.started.wrapping_sub(self.known) as i32) <= prompt as i32 {
                retries.push(other);
            }
        }
        match retries.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }
}

fn newest_request(exchange: &Exchange) -> Option<&Stream> {
    let request = &exchange.streams[usize::from(OUT)];
    let is_read = exchange.protocol == HTTP && exchange.request_direction == OUT && exchange.begun > 0;
    (is_read && request.state != state::NEW).then_some(request)
}

fn head(stream: &Stream) -> &[u8] {
    &stream.head[..usize::from(stream.head_len).min(stream.head.len())]
}

fn is_answered(exchange: &Exchange) -> bool {
    exchange.answered == exchange.begun
}

#[cfg(test)]
mod tests {
    use whohungup_ebpf::exchange::IN;
    use zerocopy::FromZeros as _;

    use super::*;
    use crate::{labels::Race, testing};

    const NAMED: &[u8] = b"GET / HTTP/1.1\r\nIdempotency-Key: 0123456789\r\n\r\n";

    /// A client's socket whose newest request began at `began`, answered.
    fn answered(began: u32) -> Exchange {
        let mut exchange = Exchange::new_zeroed();
        (exchange.protocol, exchange.request_direction) = (HTTP, OUT);
        (exchange.begun, exchange.answered) = (1, 1);
        let request = &mut exchange.streams[usize::from(OUT)];
        (request.state, request.started, request.head_len) = (state::HEAD, began, NAMED.len() as u16);
        request.head[..NAMED.len()].copy_from_slice(NAMED);
        exchange.streams[usize::from(IN)].state = state::HEAD;
        exchange
    }

    /// A steady load, with a race held at every moment.
    #[test]
    fn retries_that_explained_a_race_are_forgotten_while_others_are_held() {
        let (mut retries, mut ready, tick) = (Retries::default(), Vec::new(), 0.004);
        for turn in 0..20_000_u64 {
            let (now_ns, began) = (turn * 100 * MS, turn as u32 * 25);
            let mut race = testing::raced(80, "node", Race::Stale);
            race.id.cookie = turn;
            let server = race.ends.remote;
            retries.expect(turn, Lost { pid: 7, head: NAMED.to_vec(), began, known: began });
            ready.push(race);
            retries.hold(&mut ready, now_ns);
            let _queries = retries.retry_queries(now_ns);
            let exchange = answered(began + 1);
            let socket =
                Candidate { cookie: turn + 1_000_000, pid: 7, netns: 1, server, exchange: &exchange };
            retries.found(&[socket], tick);
            ready.clear();
            assert!(!retries.held.is_empty());
        }
        assert_eq!(retries.retried, 20_000);
        assert!(retries.taken.len() <= 30, "{}", retries.taken.len());
    }
}
