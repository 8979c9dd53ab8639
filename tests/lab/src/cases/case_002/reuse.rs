//! Requests a connection, with and without keep-alive.

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::{
    super::{
        check::Checks,
        claims::Claims,
        observed::Observed,
        stage::{Place, Scene},
    },
    shutdown,
};
use crate::{truth::Side, wiretap::flow::Segment};

/// Indexes of the stage's ports.
const APP: u16 = 0;
const PROXY: u16 = 1;

const AT_ONCE: u64 = 4;
const ROUNDS: u64 = 8;
const ASKED: u64 = AT_ONCE * ROUNDS;
const PAUSE_MS: u64 = 400;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Reuse {
    /// The client's: `on` or `off`.
    keep_alive: String,
    /// nginx in between, if it is told something for its upstream block, and for its location.
    nginx: Option<[String; 2]>,
    /// So many connections are made to it, and to the application.
    #[serde(default)]
    to_nginx: u64,
    to_app: u64,
}

impl Reuse {
    pub(super) fn play(&self, scene: &Scene) -> Result<Claims> {
        let _app = shutdown::serve(scene, "node-20", None)?;
        let Some([pool, proxy]) = &self.nginx else { return asks(scene, &self.keep_alive, APP) };
        let setting = scene.setting(Place::Near, PROXY).with("app", scene.at(Place::Far, APP));
        let setting = setting.with("pool", pool).with("proxy", proxy);
        let _proxy = scene.nginx(Place::Near, &setting, "cases/keep-alive/nginx.conf")?;
        asks(scene, &self.keep_alive, PROXY)
    }

    pub(super) fn holds(&self, seen: &Observed, checks: &mut Checks) {
        if self.nginx.is_some() {
            is_used(seen, checks, PROXY, self.to_nginx);
        }
        is_used(seen, checks, APP, self.to_app);
    }
}

fn asks(scene: &Scene, keep_alive: &str, port: u16) -> Result<Claims> {
    let mut command = scene.node("node-20", "cases/keep-alive/asks.js");
    command.args([format!("http://{}/", scene.at(Place::Near, port)), keep_alive.to_owned()]);
    command.args([AT_ONCE, ROUNDS, PAUSE_MS].map(|number| number.to_string()));
    let mut client = scene.start(Place::Near, command, "client")?;
    let status = scene.finish(&mut client, 60.0)?;
    ensure!(status.success(), "the client ended with {status}; {}", client.said());
    // The other ends learn of it while they live.
    scene.pause(1.0)?;
    let mut claims = Claims::default();
    claims.outcomes("client", &client);
    Ok(claims)
}

/// All requests came, on so many connections, by the wire and by the report of each end.
fn is_used(seen: &Observed, checks: &mut Checks, port: u16, connections: u64) {
    checks.same("every request is answered", &seen.claims.count("client", "200"), &ASKED);
    let flows: Vec<_> = seen.captured.at(seen.first_port + port).collect();
    let asks = |segment: &&Segment| segment.by == Side::Client && segment.payload.starts_with(b"GET ");
    let asked: usize = flows.iter().map(|one| one.flow.segments.iter().filter(asks).count()).sum();
    let place = if port == APP { "the application" } else { "nginx" };
    let counts = |connections: u64, asked: u64| format!("{connections} connections, {asked} requests");
    checks.same(
        format!("to {place}, by the wire"),
        &counts(flows.len() as u64, asked as u64),
        &counts(connections, ASKED),
    );
    for role in [Side::Client, Side::Server] {
        let all = |closes, begun, reused: u64| format!("{}, {reused} of them reuses", counts(closes, begun));
        checks.same(
            format!("the same by the report, at the {}", role.word()),
            &seen
                .endpoint(role, port)
                .map_or_else(String::new, |one| all(one.closes, one.started, one.reused)),
            &all(connections, ASKED, ASKED - connections),
        );
    }
}
