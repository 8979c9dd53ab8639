//! Ends that a server announced, and times that name nobody.

use std::process::Command;

use anyhow::{Result, ensure};

use super::Plays;
use crate::{
    false_alarms::{
        stage::{Stage, ask_for, pause, run},
        trap::{Claim, Played},
    },
    wire::Wire,
};

pub(super) const PLAYS: Plays = plays![five_seconds, request_limit, age_limit,];

fn five_seconds(stage: &Stage<'_>) -> Result<Played> {
    let served = stage.apache("KeepAliveTimeout 5")?;
    let mut wires = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::dial(served.at)?;
        ask_for(&mut wire, "/fast")?;
        wires.push(wire);
        pause(300);
    }
    for mut wire in wires {
        wire.read_to_end()?;
        wire.close()?;
    }
    // A server that ends with its last connection has shut down.
    pause(500);
    let claim = Claim::at(served.at, &["server-idle"]).by("server").phases(&["idle"]);
    Ok(vec![claim.idle(4.9..=5.9).closes(4..=4).requests(1)].into())
}

fn request_limit(stage: &Stage<'_>) -> Result<Played> {
    let served = stage.nginx(None, "", "keepalive_requests 3;", "location / { return 200 hi; }")?;
    session(stage, &served.url("/"), 12, 0.15)?;
    // Either may be first, now that the end was announced.
    let claim = Claim::at(served.at, &["completed"]).phases(&["idle"]);
    Ok(vec![claim.closes(4..=4).requests(3).causes(&["announced", "max-requests"])].into())
}

fn age_limit(stage: &Stage<'_>) -> Result<Played> {
    let served = stage.nginx(None, "", "keepalive_time 1s;", "location / { return 200 hi; }")?;
    session(stage, &served.url("/"), 12, 0.3)?;
    // The last one is the client's.
    let claim = Claim::at(served.at, &["completed", "client-idle"]).phases(&["idle"]);
    // On a busy machine fewer requests come to an end within a second.
    Ok(vec![claim.closes(3..=12)].into())
}

/// One pool that asks so often, so many seconds apart.
fn session(stage: &Stage<'_>, url: &str, count: u32, apart: f64) -> Result<()> {
    let mut command: Command =
        stage.python_script("session.py", include_str!("../../../programs/false_alarms/session.py"))?;
    let output = run(command.args([url, &count.to_string(), &apart.to_string()]))?.fine()?;
    let answered = output.lines().filter(|line| *line == "200").count();
    ensure!(answered == count as usize, "{answered} of {count} requests were answered");
    Ok(())
}
