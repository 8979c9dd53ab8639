//! Network namespaces that end with connections open in them, as containers do; and the records of their end are lost.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use harness::{Namespace, Samples, gate::program, port, sum, wait};
use rustix::process::Signal;

use crate::subject::{Subject, exchange, is_balanced, listen, lost};

const NAMESPACES: usize = 10;
const CONNECTIONS: usize = 10;
/// A connection is forgotten when the third walk over the sockets misses it, and only a loss makes the daemon walk before
/// a minute is over.
const LOSSES: usize = 20;
/// The daemon walks ten seconds after a loss, at the latest.
const WALKED_WITHIN: Duration = Duration::from_secs(15);

/// A namespace with connections; both ends of each are held here.
fn inhabited() -> (Namespace, Vec<(TcpStream, TcpStream)>) {
    let namespace = Namespace::make();
    let ends = namespace.within(|| {
        let listener: TcpListener = port::listen(Ipv4Addr::LOCALHOST).expect("a listener");
        let at = listener.local_addr().expect("an address");
        let both = || (TcpStream::connect(at).expect("connect"), listener.accept().expect("accept").0);
        (0..CONNECTIONS).map(|_| both()).collect()
    });
    (namespace, ends)
}

fn open(samples: &Samples) -> f64 {
    sum(samples, "whohungup_connections_open{")
}

#[test]
fn connections_of_namespaces_that_vanish_are_told_of() {
    if program("ip").is_none() {
        return;
    }
    let Some(subject) = Subject::start(&[]) else { return };
    let before = subject.samples();
    let ended = |samples: &Samples| sum(samples, "whohungup_connections_closed_total");
    for _ in 0..NAMESPACES {
        drop(inhabited());
    }
    let made = (2 * NAMESPACES * CONNECTIONS) as f64;
    let seen = subject
        .0
        .wait_for(|samples| ended(samples) - ended(&before) + lost(samples) >= made && is_balanced(samples));
    seen.expect("every end");
    subject.is_ready();
}

#[test]
fn those_whose_end_was_lost_do_not_stay_for_ever() {
    if program("ip").is_none() {
        return;
    }
    let Some(subject) = Subject::start(&["--ring-bytes", "65536"]) else { return };
    let others = open(&subject.samples());
    let inhabited: Vec<_> = (0..NAMESPACES).map(|_| inhabited()).collect();
    let made = (2 * NAMESPACES * CONNECTIONS) as f64;
    subject.0.wait_for(|samples| open(samples) >= others + made / 2.0).expect("most are seen");
    let (listener, at) = listen(30);
    // Twice what the ring holds: a close takes a kilobyte.
    let fill = || (0..100).for_each(|_| exchange(&listener, at));
    let stopped = |meanwhile: &mut dyn FnMut()| {
        subject.0.signal(Signal::STOP).expect("stop it");
        meanwhile();
        subject.0.signal(Signal::CONT).expect("continue it");
    };
    let mut inhabited = Some(inhabited);
    stopped(&mut || {
        fill();
        drop(inhabited.take());
    });
    let began = Instant::now();
    let mut forgotten = None;
    for _ in 0..LOSSES {
        // Each loss also leaves connections of its own whose end is not known: none comes while the daemon walks.
        stopped(&mut || fill());
        let walked = wait::until("that they are forgotten", WALKED_WITHIN, || {
            let samples = subject.samples();
            assert!(is_balanced(&samples), "{samples:#?}");
            Ok((open(&samples) < others + made / 4.0).then_some(samples))
        });
        forgotten = walked.ok();
        if forgotten.is_some() {
            break;
        }
    }
    let seen = forgotten.expect("they do not stay");
    println!(
        "forgotten after {:.0?}: {} ended unseen",
        began.elapsed(),
        sum(&seen, "whohungup_connections_closed_unseen")
    );
    assert!(lost(&seen) > 0.0 && sum(&seen, "whohungup_connections_closed_unseen_total") > 0.0, "{seen:#?}");
    subject.is_ready_again();
}
