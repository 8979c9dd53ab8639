//! Requests a connection, with and without keep-alive.

use anyhow::{Result, ensure};

use super::{
    super::{
        check::Checks,
        claims::Claims,
        observed::Observed,
        stage::{Act, Place, Scene},
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

pub(super) fn act(stage: &str) -> Option<Act> {
    Some(match stage {
        "agent-keep-alive-off" => Act {
            play: |scene| ask(scene, "off", APP),
            holds: |seen, checks| is_used(seen, checks, APP, ASKED),
        },
        "agent-keep-alive-on" => Act {
            play: |scene| ask(scene, "on", APP),
            holds: |seen, checks| is_used(seen, checks, APP, AT_ONCE),
        },
        "nginx-without-a-pool" => Act {
            play: |scene| through_nginx(scene, "", ""),
            holds: |seen, checks| {
                is_used(seen, checks, PROXY, AT_ONCE);
                is_used(seen, checks, APP, ASKED);
            },
        },
        "nginx-with-a-pool" => Act {
            play: |scene| {
                let proxy = "proxy_http_version 1.1; proxy_set_header Connection \"\";";
                through_nginx(scene, "keepalive 16;", proxy)
            },
            holds: |seen, checks| {
                is_used(seen, checks, PROXY, AT_ONCE);
                is_used(seen, checks, APP, AT_ONCE);
            },
        },
        _ => return None,
    })
}

fn ask(scene: &Scene, keep_alive: &str, port: u16) -> Result<Claims> {
    let _app = shutdown::serve(scene, "node-20", None)?;
    asks(scene, keep_alive, port)
}

fn through_nginx(scene: &Scene, pool: &str, proxy: &str) -> Result<Claims> {
    let _app = shutdown::serve(scene, "node-20", None)?;
    let setting = scene.setting(Place::Near, PROXY).with("app", scene.at(Place::Far, APP));
    let setting = setting.with("pool", pool).with("proxy", proxy);
    let _proxy = scene.nginx(Place::Near, &setting, "cases/keep-alive/nginx.conf")?;
    asks(scene, "on", PROXY)
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
