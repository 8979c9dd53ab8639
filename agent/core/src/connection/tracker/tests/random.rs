//! The balance, whatever comes in whatever order.

use fastrand::Rng;
use whohungup_ebpf::event::{ErrorReport, Kind, Reset};

use super::*;
use crate::close::{
    facts::{CLOSE, LISTEN},
    sample::{Talk, header, late_segment},
};
use crate::connection::settle::LONGEST_NS;

const SEQUENCES: u64 = 4000;
const COOKIES: u64 = 6;

/// A socket that has been through a little of everything.
fn socket(rng: &mut Rng, now_ns: u64) -> Talk {
    let mut talk = numbered(if rng.bool() { server() } else { client() }, rng.u64(0..COOKIES));
    for _ in 0..rng.usize(0..4) {
        talk = match rng.u8(0..6) {
            0 => talk.asks(GET),
            1 => talk.answers(OK),
            2 => talk.served(rng.u32(0..2000)),
            3 => talk.fin_came(),
            4 => talk.waits(rng.u32(..)),
            _ => talk.answers_unasked("HTTP/1.1 408 Request Timeout\r\n\r\n"),
        };
    }
    if rng.u8(0..4) == 0 {
        talk.socket.copied_seq = rng.u32(..);
        (talk.socket.snd_una, talk.socket.snd_nxt) = (rng.u32(..), rng.u32(..));
        (talk.socket.srtt_us, talk.socket.total_retrans) = (rng.u32(..), rng.u32(0..3));
        (talk.socket.bytes_acked, talk.socket.bytes_retrans) = (rng.u64(0..5000), rng.u64(0..5000));
        talk.exchange.flags = rng.u8(..);
        talk.exchange.unasked = rng.u16(0..4);
        talk.exchange.streams[rng.usize(0..2)].head_len = rng.u16(..);
    }
    if rng.bool() {
        talk = talk.by_process();
    }
    talk.socket.shutdown = rng.u8(0..4);
    talk.socket.has_socket = rng.u8(0..2);
    talk.socket.header.ktime_ns = now_ns;
    talk
}

fn step(rng: &mut Rng, now_ns: u64) -> Transition {
    const STEPS: [(u8, u8); 12] =
        [(1, 4), (1, 8), (1, 7), (2, 7), (3, 7), (3, 4), (8, 9), (8, 7), (4, 11), (4, 7), (5, 7), (9, 7)];
    let (old, new) =
        if rng.u8(0..8) == 0 { (rng.u8(0..14), rng.u8(0..14)) } else { STEPS[rng.usize(0..STEPS.len())] };
    let mut step = socket(rng, now_ns).ends(old, new).first;
    if new == CLOSE && rng.bool() {
        step.err = [32, 103, 104, 110, 111, 113, 71][rng.usize(0..7)];
    }
    step
}

fn reset(rng: &mut Rng, now_ns: u64) -> Reset {
    let first = socket(rng, now_ns).closes().first;
    let late = late_segment(&first, rng.u32(0..100), first.write_seq.wrapping_add(rng.u32(0..3)));
    match rng.u8(0..4) {
        0 => blaming(late, 0, 0),
        1 => blaming(late, 100, LISTEN),
        2 => Reset { has_segment: 0, direction: 2, ..late },
        _ => late,
    }
}

/// One random happening; the clock may stand still or jump.
fn happen(rng: &mut Rng, tracker: &mut Tracker, now_ns: &mut u64) -> Vec<ClosedConnection> {
    let farthest = 1 << rng.u32(0..36);
    *now_ns += rng.u64(0..2) * rng.u64(0..=farthest);
    let talk = socket(rng, *now_ns);
    let cookie = talk.socket.header.cookie;
    match rng.u8(0..16) {
        0 => feed(tracker, &connect(cookie, *now_ns)),
        1 | 2 => feed(tracker, &open(&talk, *now_ns)),
        3..=6 => {
            let step = step(rng, *now_ns);
            for _ in 0..=rng.usize(0..2) {
                feed(tracker, &step);
            }
        }
        7 | 8 => feed(tracker, &exchange(cookie, *now_ns, &talk.exchange)),
        9 | 10 => feed(tracker, &reset(rng, *now_ns)),
        11 => feed(tracker, &listen(100 + rng.u64(0..3), rng.bool())),
        12 => {
            let header = header::<ErrorReport>(Kind::ErrorReport, cookie, *now_ns);
            feed(tracker, &ErrorReport { header, err: 113, state: 1 });
        }
        13 => {
            let sockets: Vec<_> =
                (0..rng.usize(0..4)).map(|_| met(&socket(rng, *now_ns), rng.u8(0..14))).collect();
            if rng.bool() {
                tracker.adopt(&sockets, |_, _| None);
            } else {
                tracker.reconcile(&sockets, &here(), *now_ns);
            }
        }
        14 => {
            // An idle close, its report, and a late request.
            let talk = numbered(server(), cookie).served(9).by_process();
            let mut facts = talk.closes();
            facts.first.header.ktime_ns = *now_ns;
            first(tracker, &facts);
            *now_ns += 2 * SECOND;
            let reports = settle(tracker, *now_ns);
            feed(tracker, &late_segment(&facts.first, 35, facts.first.write_seq));
            return reports;
        }
        _ => return settle(tracker, *now_ns),
    }
    Vec::new()
}

/// Open connections by role and state, found by looking at each.
fn walked(tracker: &Tracker) -> Vec<(Role, OpenState, u64)> {
    let count = |role, state| {
        tracker.connections.values().filter(|one| one.role == role && one.state() == state).count() as u64
    };
    let states = Role::ALL.iter().flat_map(|&role| OpenState::ALL.map(|state| (role, state)));
    states.map(|(role, state)| (role, state, count(role, state))).collect()
}

#[test]
fn whatever_happens_every_connection_that_began_is_open_or_closed() {
    let mut seen = Totals::default();
    for seed in 0..SEQUENCES {
        let mut rng = Rng::with_seed(seed);
        let limits = Limits { connections: rng.usize(0..6), recent: rng.usize(0..4) };
        let mut tracker = Tracker::new(limits, Options::default(), TICK);
        let (mut now_ns, mut reported, mut amended) = (OPENED_NS, 0, 0);
        // What was promised last to be complete, and since when sockets were looked at for it.
        let (mut complete_until, mut looked_from) = (0, 0);
        let mut count = |reports: Vec<ClosedConnection>, complete_until: u64, looked_from: u64| {
            for closed in reports {
                let is_in_time =
                    closed.amends || closed.at_ns >= complete_until || closed.at_ns < looked_from;
                assert!(is_in_time, "seed {seed}: {} < {complete_until}", closed.at_ns);
                assert_eq!(closed.amends, closed.evidence[0].starts_with("amends"), "seed {seed}");
                *(if closed.amends { &mut amended } else { &mut reported }) += 1_u64;
            }
        };
        for _ in 0..rng.usize(1..80) {
            count(happen(&mut rng, &mut tracker, &mut now_ns), complete_until, looked_from);
            if rng.u8(0..4) == 0 {
                count(settle(&mut tracker, now_ns), complete_until, looked_from);
                complete_until = tracker.complete_until(now_ns).as_nanosecond() as u64;
                looked_from = now_ns.saturating_sub(LONGEST_NS);
                assert!((looked_from..now_ns).contains(&complete_until), "seed {seed}: {complete_until}");
            }
            let totals = tracker.totals();
            assert_eq!(
                totals.opened + totals.adopted,
                totals.closed + totals.open,
                "seed {seed}: {totals:?}"
            );
            assert_eq!(tracker.open_by_role_and_state(), walked(&tracker), "seed {seed}");
            assert!(totals.open <= limits.connections as u64, "seed {seed}: {totals:?}");
            assert!(totals.recent <= limits.recent.max(1) as u64, "seed {seed}: {totals:?}");
        }
        count(settle_all(&mut tracker), complete_until, looked_from);
        let totals = tracker.totals();
        assert_eq!(
            reported,
            totals.closed - totals.closed_unseen,
            "seed {seed}: a report for each close seen"
        );
        assert!(amended <= reported, "seed {seed}: each close is amended once at most");
        seen.opened += totals.opened;
        seen.adopted += totals.adopted;
        seen.closed_unseen += totals.closed_unseen;
        seen.untracked += totals.untracked;
        seen.recent_evicted += totals.recent_evicted;
        seen.late_requests += amended;
    }
    // The sequences reach what they are meant to try.
    assert!(seen.opened > 3 * SEQUENCES && seen.adopted > SEQUENCES / 10, "{seen:?}");
    assert!(seen.closed_unseen > 500 && seen.untracked > 500, "{seen:?}");
    assert!(seen.recent_evicted > 500 && seen.late_requests > 500, "{seen:?}");
}

#[test]
fn whatever_happens_nothing_is_kept_for_connections_that_are_gone() {
    for seed in 0..SEQUENCES {
        let mut rng = Rng::with_seed(seed);
        let mut tracker = tracker();
        let mut now_ns = OPENED_NS;
        for _ in 0..rng.usize(1..80) {
            happen(&mut rng, &mut tracker, &mut now_ns);
        }
        settle_all(&mut tracker);
        settle(&mut tracker, u64::MAX >> 2);
        assert!(tracker.pending_ends.is_empty(), "seed {seed}: {:?}", tracker.pending_ends);
        assert_eq!((tracker.totals().recent, tracker.due.len()), (0, 0), "seed {seed}");
    }
}

#[test]
fn connections_that_open_and_close_in_order_are_all_reported() {
    let mut rng = Rng::with_seed(1);
    let mut tracker = tracker();
    let mut closes = Vec::new();
    for cookie in 0..2000 {
        let talk = numbered(if rng.bool() { server() } else { client() }, cookie);
        begin(&mut tracker, &talk);
        let talk = talk.served(rng.u32(0..5000));
        closes.push(if rng.bool() { talk.closes() } else { talk.gets_fin() });
    }
    rng.shuffle(&mut closes);
    for facts in &closes {
        first(&mut tracker, facts);
    }
    assert_eq!(tracker.totals().open, 2000);
    let mut cookies: Vec<_> =
        settle(&mut tracker, OPENED_NS + 60 * SECOND).iter().map(|closed| closed.id.cookie).collect();
    cookies.sort_unstable();
    assert_eq!(cookies, (0..2000).collect::<Vec<_>>());
    let totals = tracker.totals();
    assert_eq!((totals.opened, totals.opened_unseen, totals.closed, totals.open), (2000, 0, 2000, 0));
}
