//! Over the overhead budget: fewer connections are read, then none; each close is told all the same, and none wrongly.

use std::{
    net::TcpListener,
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

/// Closes of each kind.
const EACH: usize = 5;
/// What the server waits before it closes: well over what is called idle.
const IDLE: Duration = Duration::from_millis(250);

/// Requests as fast as they go, until told to stop.
fn busy(listener: &TcpListener, stop: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let mut dialled = Dialled::to(listener);
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            dialled.exchange();
        }
    })
}

/// Of a counter at a port, what has this among its labels.
fn counted(samples: &Samples, counter: &str, port: u16, with: &str) -> f64 {
    let (counter, port) = (format!("whohungup_{counter}_total{{"), format!("server_port=\"{port}\""));
    let is_it = |name: &str| name.starts_with(&counter) && name.contains(&port) && name.contains(with);
    samples.iter().filter(|(name, _)| is_it(name)).map(|(_, count)| count).sum()
}

fn closes(samples: &Samples, port: u16, with: &str) -> f64 {
    counted(samples, "closes", port, with)
}

fn requests_read(samples: &Samples, port: u16) -> f64 {
    counted(samples, "requests_started", port, "basis=\"http\"")
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
    assert!(requests_read(&read, port) > 0.0, "{read:#?}");

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
    assert!((requests_read(&all, port) - requests_read(&read, port)).abs() < 0.5, "{all:#?}");
    assert!(all["whohungup_connections_balance"].abs() < 0.5);
}

fn samples_say_attached(samples: &Samples) -> bool {
    samples["whohungup_degraded{reason=\"http-detached\"}"] < 0.5
}
