//! The agent stands still while connections come and go: what the ring does not hold is counted.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::subject::{Subject, closes_at, degraded, exchange, is_balanced, listen, lost};

const STOPPED: Duration = Duration::from_secs(10);
const CLIENTS: u8 = 2;
/// A moment between connections: the load of an ordinary service.
const PAUSE: Duration = Duration::from_millis(4);

/// Stops the daemon for ten seconds of load. Returns the ports, and the connections made at each.
fn stand_still(subject: &Subject) -> Vec<(u16, usize)> {
    let until = Instant::now() + STOPPED;
    subject.0.signal(Signal::STOP).expect("stop it");
    let made = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || {
                    let (listener, at) = listen(10 + client);
                    let mut made = 0;
                    while Instant::now() < until {
                        exchange(&listener, at);
                        made += 1;
                        thread::sleep(PAUSE);
                    }
                    (at.port(), made)
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("it connects")).collect()
    });
    subject.0.signal(Signal::CONT).expect("continue it");
    made
}

fn told(samples: &harness::Samples, made: &[(u16, usize)]) -> f64 {
    made.iter().map(|&(port, _)| closes_at(samples, port)).sum()
}

#[test]
fn the_usual_ring_holds_ten_seconds_of_an_ordinary_load() {
    let Some(subject) = Subject::start(&[]) else { return };
    let made = stand_still(&subject);
    let ends = 2.0 * made.iter().map(|&(_, made)| made).sum::<usize>() as f64;
    let seen =
        subject.0.wait_for(|samples| told(samples, &made) + lost(samples) >= ends && is_balanced(samples));
    let seen = seen.expect("every end");
    println!("16 MiB: {ends} ends, {} told of, {} lost", told(&seen, &made), lost(&seen));
    assert!(told(&seen, &made) <= ends + 0.5, "none twice");
    assert!(seen["whohungup_poll_interval_max_seconds"] > 9.0, "it stood still");
    subject.is_ready_again();
}

#[test]
fn a_ring_that_is_full_for_ten_seconds_loses_nothing_uncounted() {
    let Some(subject) = Subject::start(&["--ring-bytes", "65536"]) else { return };
    let made = stand_still(&subject);
    let ends = 2.0 * made.iter().map(|&(_, made)| made).sum::<usize>() as f64;
    // What was lost shows in the next look at the counters; the walk that follows ends what is no more.
    let seen = subject.0.wait_for(|samples| {
        told(samples, &made) + lost(samples) >= ends && lost(samples) > 0.0 && is_balanced(samples)
    });
    let seen = seen.expect("every end is told of or counted");
    println!("64 KiB: {ends} ends, {} told of, {} records lost", told(&seen, &made), lost(&seen));
    assert!(told(&seen, &made) <= ends + 0.5, "none twice");
    assert!(told(&seen, &made) < ends, "the ring was full");
    assert!(degraded(&seen, "events-lost"), "{seen:#?}");
    subject.is_ready_again();
    // And it is as before: what comes now is told of in full.
    let (listener, at) = listen(20);
    for _ in 0..50 {
        exchange(&listener, at);
        thread::sleep(PAUSE);
    }
    subject.0.wait_for(|samples| closes_at(samples, at.port()) >= 100.0).expect("as before");
}
