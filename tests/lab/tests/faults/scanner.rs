//! A scanner: connects by the hundred thousand to ports where nobody listens.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use harness::sum;

use crate::subject::{Subject, closes_at, exchange, is_balanced, listen, lost};

/// In CI; `WHOHUNGUP_SCAN` asks for others.
const CONNECTS: usize = 100_000;
const VARIABLE: &str = "WHOHUNGUP_SCAN";
const SCANNERS: usize = 2;
/// Table of endpoints, series, and closes that wait for their verdict.
const MOST_MEMORY: u64 = 160 << 20;
/// The default of `--max-endpoints`, and those that count the rest.
const MOST_ENDPOINTS: f64 = 1_000.0;

#[test]
fn a_scan_is_counted_keeps_memory_bounded_and_takes_no_service_its_place() {
    let Some(subject) = Subject::start(&[]) else { return };
    let connects = std::env::var(VARIABLE).map_or(CONNECTS, |text| text.parse().expect("a number"));
    let (listener, at) = listen(2);
    for _ in 0..20 {
        exchange(&listener, at);
    }
    let before = subject.0.wait_for(|samples| closes_at(samples, at.port()) >= 40.0).expect("a service");
    let (memory, began, over) = (subject.memory(), Instant::now(), AtomicBool::new(false));
    let most = thread::scope(|scope| {
        let scanners: Vec<_> =
            (0..SCANNERS).map(|scanner| scope.spawn(move || scan(scanner, connects / SCANNERS))).collect();
        let watched = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                subject.is_ready();
                most = most.max(subject.memory());
            }
            most
        });
        for scanner in scanners {
            scanner.join().expect("it scans");
        }
        over.store(true, Ordering::Relaxed);
        watched.join().expect("it was ready all the time")
    });
    let took = began.elapsed();
    // Each is one close, of the client's socket.
    let made = (connects / SCANNERS * SCANNERS) as f64;
    let told = |samples: &harness::Samples| {
        sum(samples, "whohungup_connections_closed_total")
            - sum(&before, "whohungup_connections_closed_total")
    };
    let gone = |samples: &harness::Samples| lost(samples) - lost(&before);
    let seen = subject.0.wait_for(|samples| told(samples) + gone(samples) >= made && is_balanced(samples));
    let seen = seen.expect("every connect is told of or counted as lost");
    println!(
        "{made} connects in {took:.1?}: {} told of, {} records lost, {} MiB more at most",
        told(&seen),
        gone(&seen),
        most.saturating_sub(memory) >> 20
    );
    assert!(most.saturating_sub(memory) < MOST_MEMORY, "{most} bytes, {memory} before");
    assert!(seen["whohungup_table_entries{table=\"endpoints\"}"] <= MOST_ENDPOINTS, "{seen:#?}");
    // The service is still there, and what comes now is seen as before.
    for _ in 0..20 {
        exchange(&listener, at);
    }
    subject.0.wait_for(|samples| closes_at(samples, at.port()) >= 80.0).expect("its own series");
}

/// Connects to one closed port after the other; addresses change, as ports to come from are few for each.
fn scan(scanner: usize, connects: usize) {
    for number in 0..connects {
        let address = Ipv4Addr::new(127, 104, 70 + scanner as u8, 1 + (number / 20_000) as u8);
        let port = 1 + (number % 20_000) as u16;
        // Nobody listens there; whoever does by chance accepts it.
        drop(TcpStream::connect(SocketAddr::from((address, port))));
    }
}
