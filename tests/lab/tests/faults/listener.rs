//! Whoever reaches the port without a privilege holds as many connections as it can.

use std::{io::Write as _, net::TcpStream, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::subject::{Subject, closes_at, exchange, is_balanced, listen};

const HELD: usize = 2_000;
/// Each half head is so large.
const HALF_HEAD: usize = 12 << 10;
/// 128 connections of a head each, and what the allocator keeps.
const MOST_MEMORY: u64 = 24 << 20;
/// What it has open besides 128 connections.
const MOST_DESCRIPTORS: usize = 128 + 128;

#[test]
fn silent_connections_and_unfinished_heads_by_the_thousand_take_neither_scrapes_nor_memory() {
    let Some(subject) = Subject::start(&[]) else { return };
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("more descriptors");
    let (listener, at) = listen(1);
    // The first scrape has taken what a scrape takes.
    drop(subject.samples());
    let before = subject.memory();
    let half = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &vec![b'a'; HALF_HEAD]].concat();
    let mut held = Vec::new();
    for number in 0..HELD {
        let mut stream = TcpStream::connect(subject.0.address()).expect("connect");
        if number % 2 == 0 {
            // The daemon may have given it up already.
            let _cut = stream.write_all(&half);
        }
        held.push(stream);
        if number % 200 == 0 {
            subject.is_ready();
            exchange(&listener, at);
        }
    }
    subject.is_ready();
    assert!(subject.descriptors() < MOST_DESCRIPTORS, "{} descriptors", subject.descriptors());
    let grown = subject.memory().saturating_sub(before);
    println!("{HELD} connections held: {} KiB more, {} descriptors", grown >> 10, subject.descriptors());
    assert!(grown < MOST_MEMORY, "{grown} bytes more");
    // What it is there for goes on meanwhile: it has descriptors for its own walks.
    let made = (HELD / 200) as f64;
    let seen =
        subject.0.wait_for(|samples| closes_at(samples, at.port()) >= 2.0 * made && is_balanced(samples));
    let seen = seen.expect("every close");
    assert!(seen["whohungup_degraded{reason=\"reconcile\"}"] < 0.5, "{seen:#?}");
    drop(held);
    // Given up or ended: nothing of it stays.
    harness::wait::until("few descriptors", Duration::from_secs(20), || {
        Ok((subject.descriptors() < MOST_DESCRIPTORS / 2).then_some(()))
    })
    .expect("they are given back");
}
