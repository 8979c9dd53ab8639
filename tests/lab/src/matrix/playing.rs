//! Client programs that hold their conversations with one server.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use harness::Program;

use super::{
    clients::{Client, IdleLimit},
    instance::Instance,
    plan::{self, Conversation},
    servers::Server,
};
use crate::kit::Kit;

const LOOK_EVERY: Duration = Duration::from_millis(300);

/// A client that is there.
#[derive(Debug)]
pub(super) struct Present {
    pub(super) client: &'static Client,
    pub(super) prepared: PathBuf,
}

/// A client program that plays.
#[derive(Debug)]
pub(super) struct Playing {
    pub(super) client: &'static Client,
    pub(super) program: Program,
    pub(super) conversations: Vec<Conversation>,
}

impl Playing {
    /// How many of these conversations have come so far, by the number of steps done.
    pub(super) fn has_done(&self, steps: impl Fn(&Conversation) -> usize) -> bool {
        let mut done = HashMap::<String, usize>::new();
        for report in plan::read(&self.program.text()) {
            *done.entry(report.id).or_default() += 1;
        }
        self.conversations.iter().all(|one| done.get(&one.id).copied().unwrap_or(0) >= steps(one))
    }
}

/// Starts its program; two where some conversations need one of their own.
pub(super) fn start(
    kit: &Kit,
    server: &Server,
    present: &Present,
    instances: &[Instance],
    idle: Option<i64>,
    ids: &AtomicU32,
) -> Result<Vec<Playing>> {
    let Present { client, prepared } = present;
    let all = plan::conversations(server, client, instances, idle, ids);
    // Some have one idle limit for the whole program.
    let is_apart = |one: &Conversation| {
        client.idle_limit == IdleLimit::WholeSeconds && one.scenario.idle_limit_ms.is_some()
    };
    let (apart, together): (Vec<_>, Vec<_>) = all.into_iter().partition(is_apart);
    let mut playing = Vec::new();
    for conversations in [together, apart] {
        if conversations.is_empty() {
            continue;
        }
        let plan = kit.file("plan", &plan::write(&conversations)?)?;
        let mut command = (client.command)(kit, prepared, &plan);
        let program = Program::start(&mut command, plan.parent().context("find a directory")?, "outcomes")?;
        playing.push(Playing { client, program, conversations });
    }
    Ok(playing)
}

/// Until all have come so far, or it takes longer.
pub(super) fn await_all(
    playing: &[Playing],
    within: Duration,
    stop: &AtomicBool,
    steps: impl Fn(&Conversation) -> usize,
) {
    let until = Instant::now() + within;
    let is_there = |one: &Playing| one.has_done(&steps);
    while !stop.load(Ordering::Relaxed) && Instant::now() < until && !playing.iter().all(is_there) {
        thread::sleep(LOOK_EVERY);
    }
}
