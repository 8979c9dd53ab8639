//! All that is known of a stage when it is over: from the software, and from the agent.

use crate::{
    agent::Report,
    report::{Endpoint, Model, Timer},
    truth::Side,
};

use super::{heard::Heard, witness::Witness};

#[derive(Debug)]
pub(super) struct Seen {
    pub(super) heard: Heard,
    /// What a capture shows of it.
    pub(super) witness: Witness,
    /// The report, only of the stage's ports.
    pub(super) report: Model,
    /// The same as people read it.
    pub(super) markdown: String,
    /// What `watch` said of every close at the stage's ports, by either end.
    pub(super) said: Vec<Report>,
    pub(super) first_port: u16,
    /// What the true times were divided by.
    pub(super) scale: f64,
}

impl Seen {
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
        self.witness.count(self.first_port + index, word)
    }

    /// Closes as `watch` told them, one by one.
    pub(super) fn closes(&self, role: Side, index: u16) -> impl Iterator<Item = &Report> {
        let port = self.first_port + index;
        self.said.iter().filter(move |one| {
            let server = if role == Side::Server { one.local } else { one.remote };
            one.role == role.word() && server.port() == port
        })
    }
}

/// The idle timer of a side that ended the most connections.
pub(super) fn idle_timer(endpoint: &Endpoint, side: Side) -> Option<&Timer> {
    let of_side = endpoint.timers.iter().filter(|timer| timer.side == side && timer.phase == "idle");
    of_side.max_by_key(|timer| timer.count)
}
