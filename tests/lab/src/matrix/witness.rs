//! Others who saw a connection end: the scenario's configuration, the server's log, and the client's own outcome. What
//! they say is held against what the capture proves.

use std::{collections::HashMap, net::SocketAddr};

use super::{
    experience,
    logs::{Account, Accounts, Entry},
    place::Placed,
    play::Played,
    scenario::Due,
};
use crate::{
    truth::{Phase, Side},
    wiretap::truth::{Closer, Decided, Truth},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Source {
    Configuration,
    ServerLog,
    ClientOutcome,
}

impl Source {
    pub(super) const ALL: [Self; 3] = [Self::Configuration, Self::ServerLog, Self::ClientOutcome];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Configuration => "the scenario's configuration",
            Self::ServerLog => "the server's log",
            Self::ClientOutcome => "the client's own outcome",
        }
    }
}

/// Who was asked about how many closes, and who contradicts the capture.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(super) asked: HashMap<Source, usize>,
    pub(super) contradictions: Vec<String>,
    pub(super) conversations: usize,
    /// Of them those that did not come to what they are about: their connections are judged like all others, but what
    /// was configured says nothing of them.
    pub(super) astray: usize,
}

/// Asks everybody about every close that is decided.
pub(super) fn hear(all: &[Placed], played: &Played) -> Heard {
    let mut accounts = HashMap::<SocketAddr, Accounts>::new();
    let mut upstream = HashMap::new();
    for (at, log, text) in &played.logs {
        let mut read = Accounts::read(*log, text);
        upstream.extend(std::mem::take(&mut read.by_upstream));
        accounts.insert(*at, read);
    }
    let experiences = experience::all(played);
    let mut flows = HashMap::<&str, usize>::new();
    for placed in all.iter().filter(|placed| !placed.is_behind) {
        *flows.entry(placed.id.as_deref().unwrap_or_default()).or_default() += 1;
    }
    let mut heard = Heard {
        conversations: experiences.len(),
        astray: experiences.values().filter(|experience| !experience.came()).count(),
        ..Heard::default()
    };
    for placed in all {
        let Decided::Known(truth) = &placed.decided else { continue };
        let id = placed.id.as_deref().unwrap_or_default();
        let entries = if placed.is_behind {
            upstream.get(&placed.client)
        } else {
            accounts.get(&placed.server).and_then(|accounts| accounts.by_client.get(&placed.client))
        };
        let experience = if placed.is_behind { None } else { experiences.get(id) };
        let is_last = Some(&(placed.before + 1)) == flows.get(id);
        let is_about = experience.is_none_or(|experience| experience.came() && is_last);
        let words = [
            (Source::Configuration, if is_about { configured(placed, truth) } else { None }),
            (Source::ServerLog, entries.and_then(|entries| logged(placed, truth, entries))),
            (
                Source::ClientOutcome,
                // Of several connections it does not say which was which.
                experience.filter(|_| flows.get(id) == Some(&1)).and_then(|one| one.agrees(truth)),
            ),
        ];
        for (source, said) in words {
            let Some(said) = said else { continue };
            *heard.asked.entry(source).or_default() += 1;
            if let Err(word) = said {
                let Placed { part, client, server, .. } = placed;
                heard.contradictions.push(format!(
                    "{} at {}, {} ({client} to {server}): the capture shows {} {}, {} says {word}",
                    part.client,
                    part.server,
                    part.scenario,
                    truth.code(),
                    truth.word(),
                    source.word()
                ));
            }
        }
    }
    heard
}

/// `None`: it has nothing to say.
type Word = Option<Result<(), String>>;

fn is_by(truth: &Truth, side: Side) -> bool {
    match truth.closer {
        Closer::Client => side == Side::Client,
        Closer::Server => side == Side::Server,
        Closer::Both => true,
    }
}

/// Who should have ended it, and where, by what both ends were told.
fn configured(placed: &Placed, truth: &Truth) -> Word {
    let Due::By(sides, phases) = placed.part.due else { return None };
    // A request that meets an idle close on a busy machine met it by chance; and what was to be ended later had not come
    // so far.
    if truth.race.is_some() || ended_before(truth, phases) {
        return None;
    }
    let agrees = phases.contains(&truth.phase) && sides.iter().any(|side| is_by(truth, *side));
    let words: Vec<_> =
        sides.iter().map(|side| side.word()).chain(phases.iter().map(|phase| phase.word())).collect();
    Some(if agrees { Ok(()) } else { Err(words.join(" ")) })
}

/// Before the first request, by the server, or before the response of which it was to be in the middle.
fn ended_before(truth: &Truth, due: &[Phase]) -> bool {
    match truth.phase {
        Phase::Unused => truth.closer == Closer::one(Side::Server) && !due.contains(&Phase::Unused),
        Phase::Waiting => due == [Phase::Response],
        _ => false,
    }
}

/// A line about the newest request, if it is about that one: a request that was never read has none.
fn logged(placed: &Placed, truth: &Truth, entries: &[Entry]) -> Word {
    let last = entries.last()?;
    let is_of_no_request = !last.target.starts_with('/');
    let of_last = |target: &&String| **target == last.target;
    let newest = placed.targets.last().is_some_and(|target| *target == last.target);
    let lines = entries.iter().filter(|entry| entry.target == last.target).count();
    if !is_of_no_request && (!newest || lines != placed.targets.iter().filter(of_last).count()) {
        return None;
    }
    let Account { closer, phases } = last.account?;
    let agrees = phases.contains(&truth.phase) && closer.is_none_or(|side| is_by(truth, side));
    Some(if agrees { Ok(()) } else { Err(format!("{:?}", last.line)) })
}
