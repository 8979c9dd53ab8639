use super::super::{Missing, remedy};
use super::*;
use crate::{
    close::ClosedBy,
    identity::{ExitStatus, Signal},
    labels::{Cause, Closer, Phase, Race},
    testing::{self, LISTENER_PID, SECOND, raced, server_idle},
    workload::{Workload, from_cgroup_path},
};

const ENDED_NS: u64 = 3600 * SECOND;
const PID: u32 = LISTENER_PID;

fn listener_ended() -> ListenerEnded {
    testing::listener_ended(8080, "node")
}

fn sent(number: u32, pid: u32, at_ns: u64) -> SentSignal {
    SentSignal { at_ns, signal: Signal(number), pid, cgroup_id: 9, ignored: false }
}

/// A close `after` seconds after the listener's end.
fn after(seconds: f64, close: ClosedConnection) -> ClosedConnection {
    ClosedConnection {
        after_listener: Some(seconds),
        at_ns: (ENDED_NS as i64 + (seconds * 1e9) as i64) as u64,
        netns: 1,
        ..close
    }
}

fn cut(phase: Phase) -> ClosedConnection {
    ClosedConnection {
        verdict: Verdict::PrematureHangup,
        closer: Closer::Server,
        cause: Cause::ProcessExit,
        phase,
        in_flight: Some(1),
        uncounted: None,
        ..server_idle(8080, "node")
    }
}

fn only(table: &Shutdowns) -> &Shutdown {
    let mut all = table.newest();
    let (Some(shutdown), None) = (all.next(), all.next()) else { panic!("one shutdown: {table:?}") };
    shutdown
}

fn ended(listener: &ListenerEnded) -> Shutdowns {
    let mut table = Shutdowns::default();
    table.ended(listener, Timestamp::UNIX_EPOCH);
    table
}

#[test]
fn what_ended_with_the_listener_is_counted_by_what_it_cost() {
    let mut table = ended(&listener_ended());
    table.close(&after(0.0004, server_idle(8080, "node")));
    table.close(&after(0.2, cut(Phase::Response)));
    table.close(&after(0.3, cut(Phase::Response)));
    table.close(&after(0.3, cut(Phase::Waiting)));
    let race = ClosedConnection { amends: true, ..after(0.0004, raced(8080, "node", Race::Stale)) };
    let lost = table.close(&race).map(|(_, reason, count)| (reason, count));
    assert_eq!(lost, Some((LossReason::IdleRace, 1)));
    table.refused(1, 8080, 2);
    assert_eq!(table.refused(1, 8080, 5).map(|(_, new)| new), Some(3));

    let shutdown = only(&table);
    assert_eq!(shutdown.cut, [(Phase::Response, 2), (Phase::Waiting, 1)]);
    assert_eq!((shutdown.ended, shutdown.races, shutdown.refused, shutdown.lost()), (0, 1, 5, 9));
    assert_eq!(shutdown.last_accept, Some(0.5));
    let missing = [Missing::WaitForRequests, Missing::ConnectionClose, Missing::DrainBeforeClose];
    assert_eq!(shutdown.missing, missing);
}

#[test]
fn a_close_of_another_listener_another_port_or_another_namespace_is_not_its() {
    let mut table = ended(&listener_ended());
    let later = ClosedConnection { at_ns: ENDED_NS + 5_000_000_000, ..after(0.1, cut(Phase::Response)) };
    table.close(&later);
    table.close(&after(0.1, ClosedConnection { server_port: Some(8081), ..cut(Phase::Response) }));
    table.close(&ClosedConnection { netns: 2, ..after(0.1, cut(Phase::Response)) });
    table.close(&ClosedConnection { after_listener: None, ..after(0.1, cut(Phase::Response)) });
    table.close(&ClosedConnection { role: Role::Client, ..after(0.1, cut(Phase::Response)) });
    table.refused(2, 8080, 1);
    assert_eq!(only(&table).lost(), 0);
}

#[test]
fn its_signals_are_found_by_its_process_and_by_its_workload() {
    let signals = |workload: Option<Workload>, signal: SentSignal| {
        let mut table = Shutdowns::default();
        table.signal(signal);
        table.ended(&ListenerEnded { workload, ..listener_ended() }, Timestamp::UNIX_EPOCH);
        only(&table).signals.iter().map(|sent| (sent.signal, sent.before)).collect::<Vec<_>>()
    };
    let second = 1_000_000_000;
    let unit = || from_cgroup_path("/system.slice/node.service").map(Workload::new);
    let sigterm = |before: f64| vec![(Signal::TERM, before)];
    assert_eq!(signals(None, sent(15, PID, ENDED_NS - 2 * second)), sigterm(2.0));
    assert_eq!(signals(None, sent(15, PID, ENDED_NS - 700 * second)), []);
    assert_eq!(signals(None, sent(15, 7, ENDED_NS - 2 * second)), []);
    assert_eq!(signals(unit(), sent(15, 7, ENDED_NS - 2 * second)), sigterm(2.0));
    assert_eq!(signals(unit(), sent(15, 7, ENDED_NS - 100 * second)), []);
    // A reload of a worker tells nobody to stop.
    assert_eq!(signals(unit(), sent(1, 7, ENDED_NS - 2 * second)), []);
}

#[test]
fn what_it_lacked_follows_from_how_it_ended() {
    let missing = |exit: Option<ExitStatus>, signals: &[u32], close: ClosedConnection| {
        let mut table = ended(&ListenerEnded { exit, ..listener_ended() });
        for &number in signals {
            table.signal(sent(number, PID, ENDED_NS));
        }
        table.close(&close);
        only(&table).missing.clone()
    };
    let in_flight = || after(0.01, cut(Phase::Waiting));
    assert_eq!(missing(Some(ExitStatus::Signal(15)), &[15], in_flight()), [Missing::WaitForRequests]);
    assert_eq!(missing(Some(ExitStatus::Signal(9)), &[9], in_flight()), [Missing::WaitForRequests]);
    assert_eq!(missing(None, &[15, 9], in_flight()), [Missing::LongerGracePeriod]);
    let mut in_vain = ended(&listener_ended());
    in_vain.signal(SentSignal { ignored: true, ..sent(15, PID, ENDED_NS) });
    in_vain.signal(sent(9, PID, ENDED_NS));
    in_vain.close(&in_flight());
    assert_eq!(only(&in_vain).missing, [Missing::WaitForRequests]);
    assert!(remedy(Missing::WaitForRequests, only(&in_vain)).contains("had no effect"));
    let exits = ClosedBy {
        process: listener_ended().process.expect("known"),
        exiting: true,
        signal: None,
        status: Some(0),
    };
    let idle = ClosedConnection { closed_by: Some(exits), ..server_idle(8080, "node") };
    assert_eq!(missing(None, &[15], after(5.0, idle)), []);
}

#[test]
fn the_table_is_bounded_and_a_flood_of_signals_forgets_the_oldest() {
    let mut table = Shutdowns::default();
    for at in 0..3 * SIGNALS as u64 {
        table.signal(sent(15, PID, ENDED_NS + at));
    }
    assert_eq!(table.signals.len(), SIGNALS);
    for _ in 0..SHUTDOWNS + 5 {
        table.ended(&listener_ended(), Timestamp::UNIX_EPOCH);
    }
    assert_eq!(table.newest().count(), SHUTDOWNS);
}

#[test]
fn others_that_lose_nothing_do_not_drive_out_one_that_has() {
    let mut table = ended(&listener_ended());
    table.close(&after(0.2, cut(Phase::Response)));
    let flood = |at: u16| ListenerEnded { netns: 2 + u32::from(at), ..listener_ended() };
    for at in 0..3 * SHUTDOWNS as u16 {
        table.ended(&flood(at), Timestamp::UNIX_EPOCH);
    }
    assert_eq!(table.newest().count(), SHUTDOWNS);
    assert_eq!(table.newest().map(Shutdown::lost).collect::<Vec<_>>()[..2], [1, 0], "it is still the oldest");
    assert_eq!(
        table.newest().last().map(|one| one.netns),
        Some(1 + 3 * SHUTDOWNS as u32),
        "the newest is there"
    );
}
