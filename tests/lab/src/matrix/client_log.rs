//! What a client says of a conversation: the outcome of each of its requests.

use std::collections::HashMap;

use super::{
    plan::{Conversation, Outcome, Report},
    play::Played,
    scenario::{Expected, Variant},
};
use crate::truth::{Closer, Phase, Truth};

/// Clients that read a body to the connection's end, however much was announced, and call that done.
const TAKES_CUT_OFF_FOR_WHOLE: &str = "Java HttpURLConnection";

#[derive(Debug)]
pub(super) struct ClientLog<'a> {
    conversation: &'a Conversation,
    /// Its steps that are requests, and what was said of each.
    requests: Vec<(&'a str, Option<&'a Report>)>,
}

/// By the conversation's id.
pub(super) fn all(played: &Played) -> HashMap<&str, ClientLog<'_>> {
    let reports: HashMap<_, _> =
        played.reports.iter().map(|report| ((report.id.as_str(), report.step), report)).collect();
    let of = |conversation: &'_ Conversation| {
        let is_request = |step: &str| step.starts_with("get ") || step.starts_with("post-stall ");
        let steps = conversation.steps.iter().enumerate().filter(|(_, step)| is_request(step));
        steps.map(|(number, _)| number).collect::<Vec<_>>()
    };
    let log = |conversation| {
        let requests = of(conversation).into_iter().map(|number| {
            (conversation.steps[number].as_str(), reports.get(&(conversation.id.as_str(), number)).copied())
        });
        ClientLog { conversation, requests: requests.collect() }
    };
    played.conversations.values().map(|conversation| (conversation.id.as_str(), log(conversation))).collect()
}

impl ClientLog<'_> {
    /// Whether it came to what its scenario is about. On a busy machine a timeout may strike before.
    pub(super) fn came(&self) -> bool {
        let is_plain = |report: &Report| report.outcome == Outcome::Done && report.status == Some(200);
        let Some(((last, report), before)) = self.requests.split_last() else { return true };
        if matches!(self.conversation.identity.expected, Some(Expected { phases: [Phase::Idle], .. }))
            && !report.is_some_and(is_plain)
        {
            return false;
        }
        let is_answered_for = |status: Option<u16>| status != Some(200) && status.is_some();
        let may_be_refused =
            last.starts_with("post-stall ") || self.conversation.scenario.timer == Some(Phase::Waiting);
        before.iter().all(|(_, report)| report.is_some_and(is_plain))
            && (may_be_refused || !report.is_some_and(|report| is_answered_for(report.status)))
    }

    /// Whether the newest request was answered, against what became of its connection. `None`: it has nothing to say.
    pub(super) fn agrees(&self, truth: &Truth) -> Option<Result<(), String>> {
        let (step, last) = self.requests.iter().rev().find_map(|(step, report)| Some((step, (*report)?)))?;
        let is_whole = self.requests.iter().all(|(_, report)| report.is_some());
        // It was ended with its server, before it could say more.
        if !is_whole && self.conversation.scenario.server != Variant::Patient {
            return None;
        }
        let is_lost = truth.race.is_some() || truth.phase.is_in_flight();
        let is_cut_off = truth.phase == Phase::Response && truth.closer == Closer::Server;
        let error = last.error.clone().unwrap_or_default();
        match (last.outcome, last.status) {
            (Outcome::Done, Some(200))
                if is_cut_off && self.conversation.identity.client == TAKES_CUT_OFF_FOR_WHOLE =>
            {
                None
            }
            (Outcome::Done, Some(200)) if is_lost => Some(Err("that all was answered".to_owned())),
            // Its answer may have come, and not have been read.
            (Outcome::TimedOut, _) if truth.closer != Closer::Server => Some(Ok(())),
            // What stalls does not look.
            (Outcome::TimedOut, _) if step.starts_with("post-stall ") => None,
            (Outcome::TimedOut, _) => Some(Err(format!("that it gave up ({error})"))),
            // A request that met an announced end is no race, and lost all the same.
            (Outcome::Failed, _)
                if !is_lost && truth.phase == Phase::Idle && truth.verdict != "completed" =>
            {
                Some(Err(format!("that it failed ({error})")))
            }
            (Outcome::Done, Some(200)) | (Outcome::Failed, _) => Some(Ok(())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
