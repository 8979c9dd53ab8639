use std::{path::Path, time::Duration};

use super::*;
use crate::record::{Limits, Reserved, Settings};
use whohungup_core::{
    labels::{Race, Verdict},
    testing::{raced, server_idle},
};

const RATE: u32 = 1_000_000;

fn settings(directory: &Path) -> Settings {
    Settings {
        directory: directory.to_owned(),
        limits: Limits { bytes: 1 << 30, age: Duration::from_hours(1), rate: RATE },
        filter: Filter::default(),
        omit: Vec::new(),
        redact: Vec::new(),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// Close number `number`, in that second.
fn close(number: u32) -> ClosedConnection {
    let time = at(i64::from(number));
    let id = CloseId { time_ns: u64::from(number), cookie: 1 };
    ClosedConnection { id, time, ..server_idle(8000 + (number / 1000) as u16, "node") }
}

fn race_of(number: u32) -> ClosedConnection {
    let ClosedConnection { id, time, ends, server_port, .. } = close(number);
    ClosedConnection { id, time, ends, server_port, amends: true, ..raced(1, "node", Race::Stale) }
}

fn record(directory: &Path, closes: impl Iterator<Item = ClosedConnection>) {
    let mut recorder = Reserved::take(settings(directory)).expect("free").start().expect("started");
    for (taken, close) in (1..).zip(closes) {
        recorder.take(&close);
        // The queue is bounded, and nothing is to be lost here.
        while taken - recorder.stats().written > 4000 {
            std::thread::yield_now();
        }
    }
    assert_eq!(recorder.stats().lost(), 0);
    recorder.stop(Timestamp::now());
}

fn ask(directory: &Path, filter: &Filter, interval: Interval) -> (Vec<ClosedConnection>, Scanned) {
    let mut found = Vec::new();
    let scan = Scan { directory, interval, filter, newest: None };
    let scanned = scan
        .run(|Found { close, .. }| {
            found.push(close);
            ControlFlow::Continue(())
        })
        .expect("a record");
    (found, scanned)
}

const ALWAYS: Interval = Interval { since: Timestamp::UNIX_EPOCH, until: Timestamp::MAX };

#[test]
fn every_close_is_found_once_and_of_an_amended_one_the_last_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let amended = [7, 5000, 9999];
    record(folder.path(), (0..10_000).map(close).chain(amended.map(race_of)));
    let (found, scanned) = ask(folder.path(), &Filter::default(), ALWAYS);
    let mut numbers: Vec<u64> = found.iter().map(|close| close.id.time_ns).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..10_000).collect::<Vec<u64>>());
    assert_eq!(scanned.broken, 0);
    let races = Filter { verdicts: vec![Verdict::IdleRace], ..Filter::default() };
    let (found, _) = ask(folder.path(), &races, ALWAYS);
    assert_eq!(found.iter().map(|close| close.id.time_ns).collect::<Vec<_>>(), amended.map(u64::from));
    let idle = Filter { verdicts: vec![Verdict::ServerIdle], ..Filter::default() };
    assert_eq!(ask(folder.path(), &idle, ALWAYS).0.len(), 10_000 - amended.len());
}

#[test]
fn blocks_of_other_times_and_ports_are_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    record(folder.path(), (0..10_000).map(close));
    let hour = Interval { since: at(500), until: at(700) };
    let (found, scanned) = ask(folder.path(), &Filter::default(), hour);
    assert_eq!(found.len(), 201);
    assert!(scanned.passed_over > scanned.read, "{scanned:?}");
    let port = Filter { ports: vec![8003], ..Filter::default() };
    let (found, scanned) = ask(folder.path(), &port, ALWAYS);
    assert_eq!(found.len(), 1000);
    assert!(scanned.passed_over > scanned.read, "{scanned:?}");
    assert_eq!(ask(folder.path(), &Filter { ports: vec![9], ..Filter::default() }, ALWAYS).0, []);
}

#[test]
fn a_record_goes_on_after_a_restart_and_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    record(folder.path(), (0..10).map(close));
    // Half a line, as a process leaves it that is killed while it writes.
    let text = serde_json::to_string(&close(10)).expect("JSON");
    std::fs::write(folder.path().join("closes-20000101T000000Z.jsonl"), format!("{text}\n{}", &text[..40]))
        .expect("written");
    record(folder.path(), (11..20).map(close));
    let (found, scanned) = ask(folder.path(), &Filter::default(), ALWAYS);
    assert_eq!(found.len(), 20);
    assert_eq!((scanned.broken, scanned.gaps.len()), (0, 1), "{scanned:?}");
    let files = directory::files(folder.path()).expect("listed");
    assert!(files.iter().all(|file| file.compressed), "{files:?}");
}

#[test]
fn what_is_no_record_is_an_error_and_a_broken_file_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("nowhere");
    let filter = Filter::default();
    let scan = Scan { directory: &nowhere, interval: ALWAYS, filter: &filter, newest: None };
    let error = scan.run(|_found| ControlFlow::Continue(())).expect_err("none").to_string();
    assert!(error.contains("nowhere") && error.contains("cannot be read"), "{error}");
    record(folder.path(), (0..10).map(close));
    std::fs::write(folder.path().join("closes-2.jsonl.gz"), b"no gzip at all").expect("written");
    let (found, scanned) = ask(folder.path(), &filter, ALWAYS);
    assert_eq!((found.len(), scanned.broken), (10, 1));
}
