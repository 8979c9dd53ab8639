//! All that is known of a stage when it is over: from the software, and from the agent.

use std::collections::BTreeSet;

use harness::Close;

use crate::{
    report::{Endpoint, Model, Timer},
    truth::Side,
};

use super::{captured::Captured, claims::Claims};

#[derive(Debug)]
pub(super) struct Observed {
    pub(super) claims: Claims,
    /// What a capture shows of it.
    pub(super) captured: Captured,
    /// The report, only of the stage's ports.
    pub(super) report: Model,
    /// The same as people read it.
    pub(super) markdown: String,
    /// What `watch` said of every close at the stage's ports, by either end.
    pub(super) closes: Vec<Close>,
    pub(super) first_port: u16,
    /// What the true times were divided by.
    pub(super) scale: f64,
}

impl Observed {
    pub(super) fn scaled(&self, seconds: f64) -> f64 {
        seconds / self.scale
    }

    /// What the report says of one end of the connections to the stage's port of this index.
    pub(super) fn endpoint(&self, role: Side, index: u16) -> Option<&Endpoint> {
        self.endpoints(role, index).next()
    }

    /// The same where several programs are that end.
    pub(super) fn endpoints(&self, role: Side, index: u16) -> impl Iterator<Item = &Endpoint> {
        let port = Some(self.first_port + index);
        self.report.endpoints.iter().filter(move |one| one.role == role.word() && one.server_port == port)
    }

    /// How many connections to the stage's port of this index ended so, by the capture: a verdict, or the kind of a race.
    pub(super) fn captured(&self, index: u16, word: &str) -> u64 {
        self.captured.count(self.first_port + index, word)
    }

    /// At how many moments connections to the stage's port of this index ended so, as `watch` told it of one end.
    pub(super) fn moments(&self, role: Side, index: u16, verdict: &str) -> usize {
        moments(self.closes(role, index).filter(|one| one.verdict == verdict).map(|one| one.time.as_str()))
    }

    /// Closes as `watch` told them, one by one.
    pub(super) fn closes(&self, role: Side, index: u16) -> impl Iterator<Item = &Close> {
        let port = self.first_port + index;
        self.closes.iter().filter(move |one| {
            let server = if role == Side::Server { one.local } else { one.remote };
            one.role == role.word() && server.port() == port
        })
    }
}

/// Of closes at these times, in any order: those that follow another within a second or two are of the same moment.
fn moments<'a>(times: impl Iterator<Item = &'a str>) -> usize {
    // Every play is over within minutes: days do not matter.
    let second = |time: &str| {
        let clock = time.split_once('T')?.1.get(..8)?;
        clock.split(':').try_fold(0_u32, |sum, part| Some(60 * sum + part.parse::<u32>().ok()?))
    };
    let seconds: BTreeSet<u32> = times.filter_map(second).collect();
    seconds.iter().filter(|second| !seconds.contains(&second.wrapping_sub(1))).count()
}

/// The idle timer of a side that ended the most connections.
pub(super) fn idle_timer(endpoint: &Endpoint, side: Side) -> Option<&Timer> {
    let of_side = endpoint.timers.iter().filter(|timer| timer.side == side && timer.phase == "idle");
    of_side.max_by_key(|timer| timer.count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closes_that_follow_each_other_at_once_are_of_one_moment() {
        let times = [
            "2026-01-01T00:00:59.9Z",
            "2026-01-01T00:01:00.1Z",
            "2026-01-01T00:01:06Z",
            "2026-01-01T00:01:06.5Z",
        ];
        assert_eq!(moments(times.into_iter()), 2);
        assert_eq!(moments(["no time"].into_iter()), 0);
    }
}
