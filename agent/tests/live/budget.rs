//! Over the overhead budget: fewer connections are read, then none; each close is told all the same, and none wrongly.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use harness::{Daemon, Samples, sum};

use crate::{
    agent::BINARY,
    gate::require,
    peer::{Dialled, listen},
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: budget\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// Closes of each kind.
const EACH: usize = 5;
/// What the server waits before it closes: well over what is called idle.
const IDLE: Duration = Duration::from_millis(250);

/// Requests as fast as they go, until told to stop.
fn busy(listener: &TcpListener, stop: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let mut client = TcpStream::connect(listener.local_addr().expect("an address")).expect("connect");
    let (mut server, _) = listener.accept().expect("accept");
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut bytes = [0; 256];
        while !stop.load(Ordering::Relaxed) {
            client.write_all(REQUEST).expect("ask");
            let _request = server.read(&mut bytes).expect("read");
            server.write_all(RESPONSE).expect("answer");
            let _response = client.read(&mut bytes).expect("read");
        }
    })
}

fn closes(samples: &Samples, port: u16, with: &str) -> f64 {
    let ours = format!("server_port=\"{port}\"");
    let is_ours = |name: &str| {
        name.starts_with("whohungup_closes_total{") && name.contains(&ours) && name.contains(with)
    };
    samples.iter().filter(|(name, _)| is_ours(name)).map(|(_, count)| count).sum()
}

fn requests(samples: &Samples, port: u16, basis: &str) -> f64 {
    let ours = format!("server_port=\"{port}\"");
    let basis = format!("basis=\"{basis}\"");
    let is_ours = |name: &str| {
        name.starts_with("whohungup_requests_started_total{") && name.contains(&ours) && name.contains(&basis)
    };
    samples.iter().filter(|(name, _)| is_ours(name)).map(|(_, count)| count).sum()
}

fn close_idle(dialled: Dialled) {
    thread::sleep(IDLE);
    let Dialled { client, server } = dialled;
    drop(server);
    drop(client);
}

#[test]
fn what_is_not_read_whole_is_judged_by_its_turns_and_told_rightly_once() {
    require!();
    let mut command = Command::new(BINARY);
    // Whatever is read is over it.
    let tight = command.args(["run", "--listen", "127.0.0.1:0", "--overhead-budget", "0.0001%"]);
    let daemon = Daemon::start_by(Path::new(BINARY), tight).expect("the daemon starts");
    let (loud, quiet) = (listen(), listen());
    let port = quiet.local_addr().expect("an address").port();
    let exchanged = |count| {
        (0..count)
            .map(|_| {
                let mut dialled = Dialled::to(&quiet);
                dialled.exchange();
                dialled
            })
            .collect::<Vec<_>>()
    };
    exchanged(EACH).into_iter().for_each(close_idle);
    let told = |samples: &Samples, times: usize| closes(samples, port, "") >= (2 * times * EACH) as f64 - 0.5;
    let read = daemon.wait_for(|samples| told(samples, 1)).expect("the closes that were read");
    assert!(requests(&read, port, "http") > 0.0, "{read:#?}");

    let before = exchanged(EACH);
    let stop = Arc::new(AtomicBool::new(false));
    let working = busy(&loud, &stop);
    daemon.wait_for(|samples| samples["whohungup_overhead_over_budget"] > 0.5).expect("that it is over it");
    let paused = daemon.wait_for(|samples| {
        let is_sampled = samples["whohungup_degraded{reason=\"http-sampled\"}"] > 0.5;
        is_sampled && sum(samples, "whohungup_http_coverage_ratio{").abs() < f64::EPSILON
    });
    let paused = paused.expect("that nothing is read any more");
    assert!(samples_say_attached(&paused), "http-detached is what cannot be mended: {paused:#?}");
    // Of these the probes have read the first request, and not the second.
    let mut half_read = before;
    half_read.iter_mut().for_each(Dialled::exchange);
    half_read.into_iter().for_each(close_idle);
    exchanged(EACH).into_iter().for_each(close_idle);
    let all = daemon.wait_for(|samples| told(samples, 3)).expect("the closes that were not");
    stop.store(true, Ordering::Relaxed);
    working.join().expect("it worked");

    let made = (6 * EACH) as f64;
    assert!((closes(&all, port, "") - made).abs() < 0.5, "{all:#?}");
    let right = closes(&all, port, "verdict=\"server-idle\",closer=\"server\"");
    assert!((right - made).abs() < 0.5, "{all:#?}");
    assert!((requests(&all, port, "http") - requests(&read, port, "http")).abs() < 0.5, "{all:#?}");
    assert!(all["whohungup_connections_balance"].abs() < 0.5);
}

fn samples_say_attached(samples: &Samples) -> bool {
    samples["whohungup_degraded{reason=\"http-detached\"}"] < 0.5
}
