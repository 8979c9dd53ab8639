//! Case 000: egg (Node) on a function platform, where the second POST after a pause fails now and then.

use anyhow::Result;

use super::{
    Answer, Case,
    check::Checks,
    heard::Heard,
    seen::Seen,
    stage::{Place, Scene, Software, Stage, Wire},
};
use crate::{kit, software::runtimes::NODE_NEEDS, truth::Side};

pub(super) const CASE: Case = Case {
    name: "case-000",
    title: "the second POST after a pause fails now and then",
    happened: "",
    stages: &[FOUND],
    first_port: 18_000,
    scale: 1,
    answer: Answer { lead: "The report names it:", stage: "as-found", role: Side::Server, port: 0 },
};

const NODE: Software = Software {
    name: "Node",
    needs: NODE_NEEDS,
    version: |kit| kit::version(kit.command("node").arg("--version")),
};

const FOUND: Stage = Stage {
    name: "as-found",
    changed: "Nothing.",
    software: &[NODE],
    wire: Wire::Loopback,
    play: as_found,
    holds: is_reused,
};

fn as_found(scene: &Scene) -> Result<Heard> {
    let at = scene.at(Place::Far, 0);
    let mut command = scene.kit.command("node");
    command.arg(scene.write("server.js", include_str!("../../programs/timers/server.js"))?);
    command.args([at.ip().to_string(), at.port().to_string()]);
    let _server = scene.serve(Place::Far, command, "server", &[at.port()])?;
    let mut command = scene.kit.command("node");
    command.arg(scene.write("pool.js", include_str!("../../programs/timers/pool.js"))?);
    command.args(["http", "2", "3", "300", &format!("http://{at}/")]);
    let mut heard = Heard::default();
    let client = scene.start(Place::Near, command, "client")?;
    scene.pause(8.0)?;
    heard.quote("client", client.said());
    Ok(heard)
}

fn is_reused(seen: &Seen, checks: &mut Checks) {
    let server = seen.endpoint(Side::Server, 0);
    checks.same("each connection is used three times", &server.map(|server| server.begun), &Some(6));
}
