//! What others claim of how a connection ended: the scenario's configuration, the server's log, and the client's own
//! outcome. It is held against what the capture proves.

use std::{collections::HashMap, net::SocketAddr};

use super::{
    client_log,
    identify::Identified,
    logs::{Account, Accounts, Entry},
    play::Played,
    scenario::Expected,
};
use crate::truth::{Closer, Phase, Truth};

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
pub(crate) struct Claims {
    pub(super) asked: HashMap<Source, usize>,
    pub(super) contradictions: Vec<String>,
    pub(super) conversations: usize,
    /// Of them those that did not come to what they are about: their connections are judged like all others, but what
    /// was configured says nothing of them.
    pub(super) missed: usize,
}

/// Asks everybody about every close that is decided.
pub(super) fn compare(all: &[Identified], played: &Played) -> Claims {
    let mut accounts = HashMap::<SocketAddr, Accounts>::new();
    let mut upstream = HashMap::new();
    for (at, log, text) in &played.logs {
        let mut read = Accounts::read(*log, text);
        upstream.extend(std::mem::take(&mut read.by_upstream));
        accounts.insert(*at, read);
    }
    let logs = client_log::all(played);
    let mut flows = HashMap::<&str, usize>::new();
    for one in all.iter().filter(|one| !one.is_behind) {
        *flows.entry(one.id.as_deref().unwrap_or_default()).or_default() += 1;
    }
    let mut claims = Claims {
        conversations: logs.len(),
        missed: logs.values().filter(|log| !log.came()).count(),
        ..Claims::default()
    };
    for one in all {
        let Ok(truth) = &one.decided else { continue };
        let id = one.id.as_deref().unwrap_or_default();
        let entries = if one.is_behind {
            upstream.get(&one.client)
        } else {
            accounts.get(&one.server).and_then(|accounts| accounts.by_client.get(&one.client))
        };
        let log = if one.is_behind { None } else { logs.get(id) };
        let is_last = Some(&(one.before + 1)) == flows.get(id);
        let is_about = log.is_none_or(|log| log.came() && is_last);
        let words = [
            (Source::Configuration, if is_about { configured(one, truth) } else { None }),
            (Source::ServerLog, entries.and_then(|entries| logged(one, truth, entries))),
            (
                Source::ClientOutcome,
                // Of several connections it does not say which was which.
                log.filter(|_| flows.get(id) == Some(&1)).and_then(|log| log.agrees(truth)),
            ),
        ];
        for (source, claim) in words {
            let Some(claim) = claim else { continue };
            *claims.asked.entry(source).or_default() += 1;
            if let Err(word) = claim {
                let Identified { identity, client, server, .. } = one;
                claims.contradictions.push(format!(
                    "{} at {}, {} ({client} to {server}): the capture shows {} {}, {} says {word}",
                    identity.client,
                    identity.server,
                    identity.scenario,
                    truth.code(),
                    truth.word(),
                    source.word()
                ));
            }
        }
    }
    claims
}

/// `None`: it has nothing to say.
type Word = Option<Result<(), String>>;

/// Who should have ended it, and where, by what both ends were told.
fn configured(one: &Identified, truth: &Truth) -> Word {
    let Expected { by: sides, phases } = one.identity.expected?;
    // A request that meets an idle close on a busy machine met it by chance; and what was to be ended later had not come
    // so far.
    if truth.race.is_some() || ended_before(truth, phases) {
        return None;
    }
    let agrees = phases.contains(&truth.phase) && sides.iter().any(|side| truth.closer.is(*side));
    let words: Vec<_> =
        sides.iter().map(|side| side.word()).chain(phases.iter().map(|phase| phase.word())).collect();
    Some(if agrees { Ok(()) } else { Err(words.join(" ")) })
}

/// Before the first request, by the server, or before the response of which it was to be in the middle.
fn ended_before(truth: &Truth, expected: &[Phase]) -> bool {
    match truth.phase {
        Phase::Unused => truth.closer == Closer::Server && !expected.contains(&Phase::Unused),
        Phase::Waiting => expected == [Phase::Response],
        _ => false,
    }
}

/// A line about the newest request, if it is about that one: a request that was never read has none.
fn logged(one: &Identified, truth: &Truth, entries: &[Entry]) -> Word {
    let last = entries.last()?;
    let is_of_no_request = !last.target.starts_with('/');
    let of_last = |target: &&String| **target == last.target;
    let newest = one.targets.last().is_some_and(|target| *target == last.target);
    let lines = entries.iter().filter(|entry| entry.target == last.target).count();
    if !is_of_no_request && (!newest || lines != one.targets.iter().filter(of_last).count()) {
        return None;
    }
    let Account { closer, phases } = last.account?;
    let agrees = phases.contains(&truth.phase) && closer.is_none_or(|side| truth.closer.is(side));
    Some(if agrees { Ok(()) } else { Err(format!("{:?}", last.line)) })
}
