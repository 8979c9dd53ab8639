//! What one client program is told to do against one server, and what it says of it (programs/matrix/PLAN.md).

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{
    instance::Instance,
    scenario::{self, Ability, Identity, Scenario, Step},
    software::{Client, Server},
};

/// Of a body that is never sent whole.
const STALLS_AFTER: usize = 1000;
/// Between the beginnings of conversations: not all at once, which no listener's queue holds.
const APART_MS: u64 = 40;
const BEFORE_MS: u64 = 150;
/// A server that looks at its connections once in so long may end them as much later.
const POLLED: i64 = 2500;

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    url: String,
    steps: Vec<String>,
    idle_limit_ms: Option<u64>,
    request_timeout_ms: Option<u64>,
}

/// A conversation that a client has been told to hold.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) id: String,
    pub(super) identity: Identity,
    pub(super) scenario: &'static Scenario,
    pub(super) steps: Vec<String>,
    pub(super) at: SocketAddr,
}

/// What a client says of one step.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Report {
    pub(super) id: String,
    pub(super) step: usize,
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    Done,
    TimedOut,
    Failed,
    Cannot,
}

/// All that this client can play against this server. `idle`: how long the hasty one keeps an idle connection, in
/// milliseconds.
pub(super) fn conversations(
    server: &'static Server,
    client: &'static Client,
    instances: &[Instance],
    idle: Option<i64>,
    ids: &AtomicU32,
) -> Vec<Conversation> {
    let mut all = Vec::new();
    for scenario in scenario::all().iter().filter(|scenario| fits(scenario, server, client, idle)) {
        let Some(instance) = instances.iter().find(|instance| instance.variant == scenario.server) else {
            continue;
        };
        for number in 0..scenario.times {
            let id = format!("k{}", ids.fetch_add(1, Ordering::Relaxed));
            let identity = Identity {
                server: &server.name,
                client: &client.name,
                scenario: &scenario.name,
                expected: scenario.expected(server.announces),
            };
            let before = [Step::Get("/".to_owned()), Step::Sleep(BEFORE_MS)];
            let before = before.iter().filter(|_| scenario.may_reuse && number % 2 == 1);
            let begin = Step::Sleep(APART_MS * all.len() as u64);
            let steps = std::iter::once(&begin).chain(before).chain(&scenario.steps);
            let steps = steps.map(|step| write_step(step, &id, idle.unwrap_or(0))).collect();
            all.push(Conversation { id, identity, scenario, steps, at: instance.at });
        }
    }
    all
}

fn fits(scenario: &Scenario, server: &Server, client: &Client, idle: Option<i64>) -> bool {
    let can = scenario.needs.is_none_or(|ability| match ability {
        Ability::Closing => !client.cannot_close,
        Ability::IdleLimit => client.idle_limit.is_timer(),
    });
    let knows_idle =
        idle.is_some() || !scenario.steps.iter().any(|step| matches!(step, Step::Tempt(_) | Step::Outlast));
    can && knows_idle && scenario.timer.is_none_or(|phase| server.timers.contains(&phase))
}

fn write_step(step: &Step, id: &str, idle: i64) -> String {
    match step {
        Step::Get(path) => format!("get {path}?{id}"),
        Step::Stall => format!("post-stall /read?{id} {STALLS_AFTER}"),
        Step::Sleep(ms) => format!("sleep {ms}"),
        Step::Tempt(after) => format!("sleep {}", idle + after),
        Step::Close => "close".to_owned(),
        Step::Hold(ms) => format!("hold {ms}"),
        Step::Outlast => format!("hold {}", idle + POLLED),
    }
}

/// The plan's text.
pub(super) fn write<'c>(conversations: impl IntoIterator<Item = &'c Conversation>) -> Result<String> {
    let mut text = String::new();
    for Conversation { id, scenario, steps, at, .. } in conversations {
        let line = Line {
            id,
            url: format!("http://{at}"),
            steps: steps.clone(),
            idle_limit_ms: scenario.idle_limit_ms,
            request_timeout_ms: scenario.request_limit_ms,
        };
        text += &serde_json::to_string(&line).context("write a plan")?;
        text.push('\n');
    }
    Ok(text)
}

/// What a client has said until now; lines that are for people are left out.
pub(super) fn read(output: &str) -> Vec<Report> {
    // The last line may not be whole yet.
    output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(test)]
mod tests;
