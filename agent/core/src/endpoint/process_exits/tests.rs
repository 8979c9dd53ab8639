use super::*;
use crate::identity::Process;
use crate::{
    close::ClosedBy,
    endpoint::sample::{fed, idle, in_flight, name, only},
    labels::{Phase, Side},
};

fn cut_off(cause: Cause, status: Option<u32>, signal: Option<u32>) -> ClosedConnection {
    let mut closed = in_flight(Side::Server, Phase::Waiting, 0.1, 0.1);
    closed.cause = cause;
    closed.closed_by = Some(ClosedBy {
        process: Process { pid: Some(7), comm: name("node") },
        exiting: true,
        signal,
        status,
    });
    closed
}

fn after_listener(seconds: f64) -> ClosedConnection {
    let mut closed = idle(Side::Server, 5.0);
    closed.after_listener = Some(seconds);
    closed
}

#[test]
fn requests_that_ended_with_their_process_are_counted_by_how_it_ended() {
    let exits = [3, 1, 3].map(|status| cut_off(Cause::ProcessExit, Some(status), None));
    let killed = cut_off(Cause::ProcessKilled, None, Some(9));
    let other = in_flight(Side::Server, Phase::Waiting, 60.0, 60.0);

    let exits = only(&fed(exits.into_iter().chain([killed, other]))).exits;

    assert_eq!(
        exits.cut_off,
        [(ExitStatus::Status(3), 2), (ExitStatus::Status(1), 1), (ExitStatus::Signal(9), 1)]
    );
}

#[test]
fn ways_to_end_are_bounded() {
    let exits = (0..100).map(|status| cut_off(Cause::ProcessExit, Some(status), None));
    assert_eq!(only(&fed(exits)).exits.cut_off.len(), WAYS);
}

#[test]
fn idle_connections_end_with_their_listener_or_are_waited_for() {
    let mut busy = after_listener(9.0);
    busy.verdict = Verdict::Completed;
    let exits = only(&fed([-0.001, 0.002, 4.25, 1.0].map(after_listener).into_iter().chain([busy]))).exits;

    assert_eq!((exits.idle_closed, exits.idle_left, exits.waited), (2, 2, Some(4.25)));
    assert_eq!(only(&fed([idle(Side::Server, 5.0)])).exits, Exits::default());
}
