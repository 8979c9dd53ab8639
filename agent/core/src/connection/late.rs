//! What comes after the first step, or after the report: resets, and amendments.

use whohungup_ebpf::event::Reset;

use super::{ending::lost_request, tracker::Tracker};
use crate::identity::Ends;
use crate::{
    close::{facts, judge},
    labels::Verdict,
};

impl Tracker {
    pub(super) fn reset(&mut self, reset: &Reset) {
        if self.is_reported_twice(reset) {
            return;
        }
        let Some(cookie) = self.owner_of(reset) else {
            self.totals.late_strangers += u64::from(reset.payload > 0);
            return;
        };
        if let Some(connection) = self.connections.get_mut(&cookie) {
            // Without a pending close: an active reset goes out before its transition (SOCK_DESTROY,
            // keepalive), which says all that it does.
            if let Some(pending) = &mut connection.pending {
                pending.facts_mut().resets.push(*reset);
            }
        } else if let Some(known) = self.recent.by_cookie(cookie) {
            if let Some(pending) = &mut known.connection.pending {
                pending.facts_mut().resets.push(*reset);
            }
            self.totals.late_requests += u64::from(reset.payload > 0);
            self.amend(cookie);
        } else {
            self.totals.late_strangers += u64::from(reset.payload > 0);
        }
    }

    /// Before Linux 6.10 the segment that a full socket answers with a reset is reported as that reset,
    /// and again when it is dropped.
    fn is_reported_twice(&mut self, reset: &Reset) -> bool {
        let newest = self.newest_reset.replace(*reset);
        newest.is_some_and(|newest| {
            facts::is_known_by_its_drop(reset)
                && newest.header.cookie != 0
                && newest.has_segment == 1
                && (newest.segment, newest.seq, newest.payload) == (reset.segment, reset.seq, reset.payload)
        })
    }

    /// The connection that a reset belongs to: by cookie, or, where the kernel blames a listener or
    /// no socket, by the addresses of the segment, which the peer sent.
    fn owner_of(&self, reset: &Reset) -> Option<u64> {
        let blamed = reset.header.cookie;
        if blamed != 0 && reset.state != facts::LISTEN {
            return Some(blamed);
        }
        let key = (reset.netns, Ends::new(&reset.segment).turned());
        self.pending_ends.get(&key).copied().or_else(|| self.recent.cookie_at(key))
    }

    /// Judges a reported close anew; one that has become a race is reported as an amendment.
    pub(super) fn amend(&mut self, cookie: u64) {
        let options = self.options;
        let Some(known) = self.recent.by_cookie(cookie) else { return };
        let Some(facts) = known.connection.facts() else { return };
        let other = known.connection.pending.as_deref().and_then(|pending| pending.other_end);
        let by_other = other.is_some_and(|other| other.is_race());
        let verdict = if by_other { Verdict::IdleRace } else { judge(facts, options).verdict() };
        if verdict != Verdict::IdleRace || known.verdict == verdict {
            return;
        }
        let before = std::mem::replace(&mut known.verdict, verdict);
        let (connection, time, counted) = (known.connection.clone(), known.time, known.unanswered);
        let Some(facts) = connection.facts() else { return };
        let Some(mut closed) = self.report(cookie, &connection, time, None) else { return };
        if let Some(requests) = &mut closed.uncounted {
            requests.unanswered = requests.unanswered.saturating_sub(counted);
        }
        let newest = facts.resets.iter().map(|reset| reset.header.ktime_ns);
        let newest = newest.chain(facts.last.map(|last| last.header.ktime_ns)).max();
        let began = facts.first.header.ktime_ns;
        let after = newest.unwrap_or(began).saturating_sub(began) as f64 / 1e9;
        closed.amends = true;
        if self.options.detail.covers(closed.verdict) {
            let text =
                format!("amends the {before} reported before: a request came {after:.1} s after the close");
            closed.evidence.insert(0, text);
        }
        if let Some(lost) = lost_request(&connection, &closed) {
            self.retries.expect(cookie, lost);
        }
        self.ready.push(closed);
    }
}
