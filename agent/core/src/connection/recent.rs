//! A bounded memory of closes that were reported, for what comes late.
//!
//! A request may meet a socket that closed long before: its time-wait socket carries the same
//! cookie; a listener or no socket at all leaves only the addresses.

use std::collections::VecDeque;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::entry::Connection;
use crate::identity::Ends;
use crate::labels::Verdict;

/// Time-wait sockets live 60 s (TCP_TIMEWAIT_LEN, include/net/tcp.h); what comes later meets no
/// socket.
const KEPT_NS: u64 = 65_000_000_000;

#[derive(Debug)]
pub(super) struct RecentClose {
    pub(super) connection: Connection,
    pub(super) verdict: Verdict,
    /// As reported: what amends it has the same.
    pub(super) time: Timestamp,
    /// Requests that were reported as unanswered.
    pub(super) unanswered: u32,
    /// Where segments that come too late would look for it.
    pub(super) orphan: Option<(u32, Ends)>,
}

#[derive(Debug)]
pub(super) struct Recent {
    /// With the time at which each was remembered.
    by_cookie: HashMap<u64, (u64, RecentClose)>,
    by_ends: HashMap<(u32, Ends), u64>,
    order: VecDeque<(u64, u64)>,
    capacity: usize,
    /// Closes forgotten before their time because there were too many.
    pub(super) evicted: u64,
}

impl Recent {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            by_cookie: HashMap::new(),
            by_ends: HashMap::new(),
            order: VecDeque::new(),
            capacity,
            evicted: 0,
        }
    }

    pub(super) fn remember(&mut self, now_ns: u64, cookie: u64, close: RecentClose) {
        self.forget(cookie);
        while self.by_cookie.len() >= self.capacity {
            match self.drop_oldest() {
                Some(forgotten) => self.evicted += u64::from(forgotten),
                None => break,
            }
        }
        if let Some(orphan) = close.orphan {
            self.by_ends.insert(orphan, cookie);
        }
        self.by_cookie.insert(cookie, (now_ns, close));
        self.order.push_back((now_ns, cookie));
    }

    /// Gives back the room that a peak has left mostly empty.
    pub(super) fn release_memory(&mut self) {
        if self.by_cookie.len() < self.by_cookie.capacity() / 4 {
            self.by_cookie.shrink_to(2 * self.by_cookie.len());
            self.by_ends.shrink_to(2 * self.by_ends.len());
            self.order.shrink_to(2 * self.order.len());
        }
    }

    pub(super) fn expire(&mut self, now_ns: u64) {
        while self.order.front().is_some_and(|&(at, _)| at + KEPT_NS < now_ns) {
            let _forgotten = self.drop_oldest();
        }
    }

    pub(super) fn by_cookie(&mut self, cookie: u64) -> Option<&mut RecentClose> {
        self.by_cookie.get_mut(&cookie).map(|(_, close)| close)
    }

    pub(super) fn cookie_at(&self, orphan: (u32, Ends)) -> Option<u64> {
        self.by_ends.get(&orphan).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.by_cookie.len()
    }

    /// Whether the oldest place in the order led to a close that is forgotten by this; `None` when
    /// there are no more places.
    fn drop_oldest(&mut self) -> Option<bool> {
        let (at, cookie) = self.order.pop_front()?;
        // A socket that was remembered again since has a newer place in the order.
        let current = self.by_cookie.get(&cookie).is_some_and(|(remembered, _)| *remembered == at);
        if current {
            self.forget(cookie);
        }
        Some(current)
    }

    fn forget(&mut self, cookie: u64) {
        let orphan = self.by_cookie.remove(&cookie).and_then(|(_, gone)| gone.orphan);
        if let Some(orphan) = orphan
            && self.by_ends.get(&orphan) == Some(&cookie)
        {
            self.by_ends.remove(&orphan);
        }
    }
}
