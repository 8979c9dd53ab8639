//! Node's own HTTP server and client.

use std::process::Command;

use super::{Server, assert_idle_close_is_told, first_line, nginx::Nginx, run};
use crate::{agent::Agent, close::at, gate};

/// Announces its port; closes idle connections about a second after the last response.
const SERVER: &str = "
const server = require('http').createServer((request, response) => response.end('hi'));
server.keepAliveTimeout = 1000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";

/// One request through a pool, 0.3 s of idleness, exit. Prints how long the idleness lasted.
const CLIENT: &str = "
const http = require('http');
const agent = new http.Agent({ keepAlive: true });
http.get(process.argv[1], { agent }, (response) => {
  response.resume();
  response.on('end', () => {
    const ended = process.hrtime.bigint();
    setTimeout(() => {
      console.log(Number(process.hrtime.bigint() - ended) / 1e9);
      process.exit(0);
    }, 300);
  });
});
";

#[test]
fn the_keepalive_timeout_of_node_is_an_idle_close_by_the_server() {
    if !gate::can_observe() {
        return;
    }
    let Some(node) = gate::program("node") else { return };
    let (child, port, _output) = first_line(Command::new(node).args(["-e", SERVER]));
    let port = port.parse().unwrap_or_else(|error| panic!("node says {port:?}: {error}"));
    let server = Server { child, at: (std::net::Ipv4Addr::LOCALHOST, port).into() };
    // Some versions add a second of their own to what they announce.
    assert_idle_close_is_told(server.at, 0.95..3.0, "node");
}

#[test]
fn a_node_process_that_exits_closes_its_pool_idle() {
    if !gate::can_observe() {
        return;
    }
    let (Some(node), Some(nginx)) = (gate::program("node"), Nginx::start()) else { return };
    let agent = Agent::watch(nginx.server.at);
    let url = format!("http://{}/", nginx.server.at);
    let idle = run(Command::new(node).args(["-e", CLIENT, &url]));
    let idle: f64 = idle.trim().parse().unwrap_or_else(|error| panic!("node says {idle:?}: {error}"));
    let closes = agent.closes(2);
    for close in &closes {
        close.says(&[("verdict", "client-idle"), ("closer", "client"), ("how", "fin"), ("phase", "idle")]);
        let told = close.seconds("idle_seconds");
        // Ending a Node process takes a while, which the script cannot measure.
        assert!((idle - 0.02..idle + 0.3).contains(&told), "{told} s, at least {idle} s in truth: {close:?}");
    }
    let client = at(&closes, "client");
    client.says(&[("cause", "process-exit")]);
    assert_eq!(client.value("/closed_by/exiting"), true, "{client:?}");
    client.is_held_by("node");
    at(&closes, "server").says(&[("cause", "unknown")]);
}
