//! Node's own HTTP server and client.

use harness::{
    at,
    software::{Server, node},
};

use super::{assert_idle_close_is_reported, idle_of, nginx, nginx::SHORT};
use crate::{agent, gate::require};

/// One request through a pool, 0.3 s of idleness, exit. Prints how long the idleness lasted.
const CLIENT: &str = "
const http = require('http');
const agent = new http.Agent({ keepAlive: true });
const asked = process.hrtime.bigint();
http.get(process.argv[1], { agent }, (response) => {
  response.resume();
  response.on('end', () => {
    const ended = process.hrtime.bigint();
    setTimeout(() => {
      const closing = process.hrtime.bigint();
      console.log(Number(closing - ended) / 1e9, Number(closing - asked) / 1e9);
      process.exit(0);
    }, 300);
  });
});
";

#[test]
fn the_keepalive_timeout_of_node_is_an_idle_close_by_the_server() {
    require!("node");
    let server = node::script(node::SERVER).and_then(|mut node| Server::announced(&mut node)).expect("Node");
    assert_idle_close_is_reported(server.at, 0.95..3.0, "node");
}

#[test]
fn a_node_process_that_exits_closes_its_pool_idle() {
    require!("node", "nginx");
    let nginx = nginx(SHORT.0, SHORT.1);
    let agent = agent::watch(&[nginx.at]);
    let (idle, _) = idle_of(node::script(CLIENT).expect("Node").arg(nginx.url("/")));
    let closes = agent.closes(2);
    for close in &closes {
        close.says("verdict=client-idle closer=client close_type=fin phase=idle");
        let reported = close.seconds("idle_seconds");
        // Ending a Node process takes a while, which the script cannot measure.
        assert!(
            (idle - 0.02..idle + 0.3).contains(&reported),
            "{reported} s, at least {idle} s in truth: {close:?}"
        );
    }
    let client = at(&closes, "client");
    client.says("cause=process-exit closed_by/exiting=true");
    client.is_held_by("node");
    at(&closes, "server").says("cause=process-exit");
}
