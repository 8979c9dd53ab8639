//! Others who saw a connection end: the scenario's configuration, the server's log, and the client's own outcome. What
//! they say is held against what the capture proves.

use std::{collections::HashMap, net::SocketAddr};

use super::{
    logs::{Account, Accounts, Entry},
    place::Placed,
    plan::{Outcome, Told},
    play::Played,
    scenario::{Due, Stage},
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
    let mut told = HashMap::<&str, Vec<&Told>>::new();
    for one in &played.told {
        told.entry(&one.id).or_default().push(one);
    }
    let mut flows = HashMap::<&str, usize>::new();
    for placed in all.iter().filter(|placed| !placed.is_behind) {
        *flows.entry(placed.id.as_deref().unwrap_or_default()).or_default() += 1;
    }
    let mut heard = Heard::default();
    for placed in all {
        let Decided::Known(truth) = &placed.decided else { continue };
        let id = placed.id.as_deref().unwrap_or_default();
        let entries = if placed.is_behind {
            upstream.get(&placed.client)
        } else {
            accounts.get(&placed.server).and_then(|accounts| accounts.by_client.get(&placed.client))
        };
        let is_only = !placed.is_behind && flows.get(id) == Some(&1);
        let words = [
            (Source::Configuration, configured(placed, truth)),
            (Source::ServerLog, entries.and_then(|entries| logged(placed, truth, entries))),
            (
                Source::ClientOutcome,
                told.get(id).filter(|_| is_only).and_then(|told| experienced(truth, told, played)),
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
    // What a library made of the loss is its own affair.
    if placed.before > 0 {
        return None;
    }
    let agrees = phases.contains(&truth.phase) && sides.iter().any(|side| is_by(truth, *side));
    let words: Vec<_> =
        sides.iter().map(|side| side.word()).chain(phases.iter().map(|phase| phase.word())).collect();
    Some(if agrees { Ok(()) } else { Err(words.join(" ")) })
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

/// Whether the newest request was answered, as its client has it.
fn experienced(truth: &Truth, told: &[&Told], played: &Played) -> Word {
    let newest = told.iter().max_by_key(|told| told.step)?;
    let conversation = played.conversations.get(&newest.id)?;
    let is_request = |step: &str| step.starts_with("get ") || step.starts_with("post-stall ");
    let mut requests =
        told.iter().filter(|told| conversation.steps.get(told.step).is_some_and(|step| is_request(step)));
    let last = requests.next_back()?;
    let all = conversation.steps.iter().filter(|step| is_request(step)).count();
    // It was ended with its server, before it could say more.
    let is_whole = told
        .iter()
        .filter(|told| conversation.steps.get(told.step).is_some_and(|step| is_request(step)))
        .count()
        == all;
    if !is_whole && conversation.scenario.stage != Stage::Patient {
        return None;
    }
    let stalls = conversation.steps[last.step].starts_with("post-stall ");
    let is_lost = truth.race.is_some() || truth.phase.is_in_flight();
    let error = last.error.clone().unwrap_or_default();
    match (last.outcome, last.status) {
        (Outcome::Done, Some(200))
            if takes_cut_off_for_whole(conversation.part.client) && truth.phase == Phase::Response =>
        {
            None
        }
        (Outcome::Done, Some(200)) if is_lost => Some(Err("that all was answered".to_owned())),
        (Outcome::TimedOut, _) if truth.phase.is_in_flight() && is_by(truth, Side::Client) => Some(Ok(())),
        // What stalls does not look.
        (Outcome::TimedOut, _) if stalls => None,
        (Outcome::TimedOut, _) => Some(Err(format!("that it gave up ({error})"))),
        // A request that met an announced end is no race, and lost all the same.
        (Outcome::Failed, _) if !is_lost && truth.phase == Phase::Idle && truth.verdict != "completed" => {
            Some(Err(format!("that it failed ({error})")))
        }
        (Outcome::Done, Some(200)) | (Outcome::Failed, _) => Some(Ok(())),
        _ => None,
    }
}

/// Clients that read a body to the connection's end, however much was announced, and call that done.
fn takes_cut_off_for_whole(client: &str) -> bool {
    client == "Java HttpURLConnection"
}
