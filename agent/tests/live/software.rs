//! Software that people run: what it does to its connections is reported as it is.

mod curl;
mod haproxy;
mod nginx;
mod node;
mod openssl;
mod requests;
mod tls;

use std::{net::SocketAddr, process::Command, time::Instant};

use harness::{Close, at, software::Server};

use crate::{
    agent,
    peer::{ask, dial, free_address, read_end, read_response},
};

/// nginx with this at the top of its `http`; `/` does what `location` says.
pub(crate) fn nginx(directives: &str, location: &str) -> Server {
    harness::software::nginx::answering(free_address(), directives, location).expect("nginx")
}

/// Runs a client to its end, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    harness::run(command).unwrap_or_else(|error| panic!("{error:#}"))
}

/// The same of one that prints for how many seconds its connection was idle: since it had read the last response, and since
/// it wrote the last request.
fn idle_of(command: &mut Command) -> (f64, f64) {
    idle_in(&run(command))
}

fn idle_in(said: &str) -> (f64, f64) {
    let numbers: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [least, most] = numbers[..] else { panic!("no two numbers: {said:?}") };
    (least, most)
}

/// Makes requests on one connection and holds it until the server closes it. Returns for how long it was idle, as the client
/// sees it: from the last byte of the last response to the end; and from the beginning of that request.
fn held_until_server_closes(server: SocketAddr, requests: u32) -> (f64, f64) {
    let mut stream = dial(server);
    let (mut asked, mut answered) = (Instant::now(), Instant::now());
    for _ in 0..requests {
        asked = Instant::now();
        ask(&mut stream);
        answered = read_response(&mut stream);
    }
    let end = read_end(&mut stream);
    (end.duration_since(answered).as_secs_f64(), end.duration_since(asked).as_secs_f64())
}

/// Watches a raw client hold a connection until `server`'s own timer ends it, after about `timer`
/// seconds, and checks both ends' reports.
fn assert_idle_close_is_reported(server: SocketAddr, timer: std::ops::Range<f64>, comm: &str) -> Vec<Close> {
    let agent = agent::watch(&[server]);
    let idle = held_until_server_closes(server, 2);
    assert!(timer.contains(&idle.0), "the server's timer fired after {idle:?} s");
    let closes = agent.closes(2);
    for close in &closes {
        close.says(
            "verdict=server-idle closer=server close_type=fin phase=idle code=SI requests=2 in_flight=0",
        );
        close.says("basis=http confidence=exact");
        close.was_idle_between(idle);
    }
    at(&closes, "server").is_held_by(comm);
    at(&closes, "server").says(&format!("closed_by/comm={comm}"));
    at(&closes, "client").says(&format!("process/pid={}", std::process::id()));
    closes
}
