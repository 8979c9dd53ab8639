//! One running server, and what stands behind it.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use harness::{Program, port};

use super::{
    scenario::Variant,
    software::{self, Server},
};
use crate::{kit::Kit, launch::Setting, wire::Wire};

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) variant: Variant,
    pub(super) at: SocketAddr,
    pub(super) setting: Setting,
    pub(super) program: Program,
}

/// Timeouts, seconds: the longer is longer than any play.
const HASTY: u32 = 2;
const PATIENT: u32 = 120;
/// Until it answers: a Java on a busy machine is the slowest.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// Node, as what stands behind all instances of a proxy.
pub(super) fn behind(kit: &Kit) -> Result<Instance> {
    let at = kit.free_address()?;
    start(kit, software::behind(), Variant::Patient, at).context("start what is behind the proxy")
}

/// Starts it and waits until it answers. `backend`: what is behind it, if it is a proxy.
pub(super) fn start(kit: &Kit, server: &Server, variant: Variant, backend: SocketAddr) -> Result<Instance> {
    let at = kit.free_address()?;
    let hasty = variant == Variant::Hasty;
    let setting = Setting { backend, hasty, ..Setting::new(kit, at)? };
    let setting = setting.with("limit", if hasty { HASTY } else { PATIENT });
    let mut command = server.command(kit, &setting)?;
    let mut program = Program::start(&mut command, &setting.directory, "output")?;
    let ready = await_answer(at, || Ok(program.ended()?.is_none()));
    ready.with_context(|| {
        format!("{} ({}) does not answer: {}", server.name, variant.word(), program.said())
    })?;
    Ok(Instance { variant, at, setting, program })
}

/// Nothing connects before it listens: nothing would tell refused connections from those of the plays.
fn await_answer(at: SocketAddr, mut is_running: impl FnMut() -> Result<bool>) -> Result<()> {
    let until = Instant::now() + READY_WITHIN;
    loop {
        if port::is_bound(at.port())? && answers(at).unwrap_or(false) {
            return Ok(());
        }
        if !is_running()? {
            bail!("it ended");
        }
        if Instant::now() > until {
            bail!("{at} was asked for {} s", READY_WITHIN.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn answers(at: SocketAddr) -> Result<bool> {
    let mut wire = Wire::dial(at)?;
    wire.send(format!("GET /?ready HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").as_bytes())?;
    wire.read_until("an answer", |talk| talk.state().answered > 0 || talk.state().until_close)?;
    Ok(wire.talk().answered.starts_with(b"HTTP/1.1 200"))
}
