//! The framing code that runs in the kernel, on random traffic, against plain readers of the same bytes.
//!
//! A failure names the seed of its conversation; `FRAMING_SEED` plays that one alone.

mod conversation;
mod http2;
mod message;
mod oracle;
mod tls;
mod websocket;
mod wire;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::Instant,
};

use fastrand::Rng;

use crate::{
    conversation::conversation,
    oracle::Oracle,
    wire::{Cuts, Path, Wire},
};

const CONVERSATIONS: u64 = 12_000;

/// Runs `check` for `count` seeds on all processors; a failure names its seed.
fn for_each_seed(count: u64, check: impl Fn(&mut Rng) + Sync) {
    let run = |seed| {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&mut Rng::with_seed(seed))));
        if let Err(panic) = outcome {
            eprintln!("FRAMING_SEED={seed}");
            resume_unwind(panic);
        }
    };
    if let Some(seed) = env::var("FRAMING_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return run(seed);
    }
    let workers = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    thread::scope(|scope| {
        for worker in 0..workers {
            scope.spawn(move || (worker..count).step_by(workers as usize).for_each(run));
        }
    });
}

#[test]
fn every_cut_of_every_valid_conversation_is_reported_as_it_stands() {
    let began = Instant::now();
    let compared = AtomicU64::new(0);
    for_each_seed(CONVERSATIONS, |rng| {
        let conversation = conversation(rng);
        let oracle = Oracle::read(&conversation);
        for (cuts, path) in [
            (Cuts::Runs, Path::Clean),
            (Cuts::Bytes, Path::Clean),
            (Cuts::Random, Path::Repeats),
            (Cuts::Boundaries, Path::Clean),
            (Cuts::Boundaries, Path::Repeats),
        ] {
            let mut wire = Wire::new(rng, &conversation, &oracle);
            wire.play(rng, cuts, path);
            compared.fetch_add(wire.compared, Relaxed);
        }
        let mut wire = Wire::new(rng, &conversation, &oracle);
        wire.split_everywhere(rng, 60);
        compared.fetch_add(wire.compared, Relaxed);
    });
    eprintln!("{CONVERSATIONS} conversations, {compared:?} cuts compared, {:.1?}", began.elapsed());
}

#[test]
fn after_lost_segments_what_is_reported_as_exact_is_right() {
    let (compared, doubtful) = (AtomicU64::new(0), AtomicU64::new(0));
    for_each_seed(CONVERSATIONS, |rng| {
        let conversation = conversation(rng);
        let oracle = Oracle::read(&conversation);
        for cuts in [Cuts::Random, Cuts::Boundaries] {
            let mut wire = Wire::new(rng, &conversation, &oracle);
            wire.play(rng, cuts, Path::Loses);
            compared.fetch_add(wire.compared, Relaxed);
            doubtful.fetch_add(wire.doubtful, Relaxed);
        }
    });
    let (compared, doubtful) = (compared.into_inner(), doubtful.into_inner());
    eprintln!("{compared} cuts compared, {doubtful} of them in doubt");
    assert!(doubtful > 0 && doubtful < compared, "nothing was lost, or nothing else was reported");
}

#[test]
fn the_open_streams_of_http2_are_counted_right_whenever_they_are_reported_as_exact() {
    const CONNECTIONS: u64 = 1000;
    let (compared, doubtful) = (AtomicU64::new(0), AtomicU64::new(0));
    for_each_seed(CONNECTIONS, |rng| {
        let (some, in_doubt) = http2::play(rng);
        compared.fetch_add(some, Relaxed);
        doubtful.fetch_add(in_doubt, Relaxed);
    });
    let (compared, doubtful) = (compared.into_inner(), doubtful.into_inner());
    eprintln!("{CONNECTIONS} connections, {compared} cuts compared, {doubtful} of them in doubt");
    assert!(doubtful * 2 < compared, "doubt must stay the exception");
}

#[test]
fn a_closing_alert_of_tls_is_no_activity() {
    let alerts = AtomicU64::new(0);
    for_each_seed(CONVERSATIONS, |rng| _ = alerts.fetch_add(tls::play(rng), Relaxed));
    assert!(alerts.into_inner() > CONVERSATIONS);
}

#[test]
fn what_is_said_of_a_websocket_is_what_its_frames_say() {
    const SOCKETS: u64 = 4000;
    let compared = AtomicU64::new(0);
    for_each_seed(SOCKETS, |rng| _ = compared.fetch_add(websocket::play(rng), Relaxed));
    let compared = compared.into_inner();
    eprintln!("{SOCKETS} WebSockets, {compared} cuts compared");
    assert!(compared > SOCKETS * 5);
}
