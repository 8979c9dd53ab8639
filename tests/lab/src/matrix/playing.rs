//! Client programs that hold their conversations with one server.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use harness::Program;

use super::{
    instance::Instance,
    plan::{self, Conversation},
    software::{Client, IdleLimit, Server},
};
use crate::{kit::Kit, launch::Setting};

const LOOK_EVERY: Duration = Duration::from_millis(300);

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
    server: &'static Server,
    client: &'static Client,
    instances: &[Instance],
    idle: Option<i64>,
    ids: &AtomicU32,
) -> Result<Vec<Playing>> {
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
        let setting = Setting::new(kit, instances[0].at)?;
        let plan = setting.write("plan", &plan::write(&conversations)?)?;
        let setting = setting.with("plan", plan.display());
        let mut command = client.launch.command(kit, &setting)?;
        let program = Program::start(&mut command, &setting.directory, "outcomes")?;
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
