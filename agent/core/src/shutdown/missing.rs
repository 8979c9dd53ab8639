//! What a shutdown lacked, by what it lost.

use super::Shutdown;
use crate::identity::{ExitStatus, Signal};

crate::label_set! {
    /// What would have kept the requests that a shutdown lost.
    pub enum Missing {
        /// Connects were refused: it stopped listening while clients still came.
        DrainBeforeClose,
        /// Requests in flight were cut: the process did not wait for them.
        WaitForRequests,
        /// They were cut by SIGKILL, some time after it had been told to stop.
        LongerGracePeriod,
        /// Requests met the close of idle connections: nothing had told the clients to leave them.
        ConnectionClose,
        /// Idle connections stayed open until the process ended.
        CloseIdle,
    }
}

/// In this order.
pub(super) fn of(shutdown: &Shutdown) -> Vec<Missing> {
    let cut = shutdown.cut.iter().any(|(_, count)| *count > 0);
    let killed_late = shutdown.was_signalled() && !shutdown.has_ignored_signals() && shutdown.was_killed();
    let found = [
        (Missing::LongerGracePeriod, cut && killed_late),
        (Missing::WaitForRequests, cut && !killed_late),
        (Missing::ConnectionClose, shutdown.races > 0),
        (Missing::DrainBeforeClose, shutdown.refused > 0 && !shutdown.replaced),
        (Missing::CloseIdle, shutdown.idle_left > 0 && shutdown.lost() > 0),
    ];
    found.into_iter().filter(|(_, holds)| *holds).map(|(missing, _)| missing).collect()
}

/// What to do, in a sentence.
pub fn remedy(missing: Missing, shutdown: &Shutdown) -> String {
    let text = match missing {
        Missing::LongerGracePeriod => {
            "requests took longer than it was given: raise `terminationGracePeriodSeconds` (systemd: `TimeoutStopSec`), or end them sooner"
        }
        Missing::WaitForRequests if shutdown.has_ignored_signals() => {
            "SIGTERM had no effect on it: the first process of a container must handle it itself, or be an init that passes it on (`docker run --init`, tini, `exec` in a shell script)"
        }
        Missing::WaitForRequests if shutdown.exit == Some(ExitStatus::Signal(Signal::TERM.0)) => {
            "it does not handle SIGTERM: handle it, stop listening, wait for the requests in flight, then exit (as the first process of a container, see that the signal reaches it)"
        }
        Missing::WaitForRequests if shutdown.was_killed() => {
            "it was killed without being told to stop: find out by whom (out of memory, a failed liveness probe, an operator)"
        }
        Missing::WaitForRequests if shutdown.was_signalled() => {
            "it ends before its requests do: wait for the requests in flight before exiting"
        }
        Missing::WaitForRequests => "it ended with requests in flight, and nothing told it to: see its log",
        Missing::ConnectionClose => {
            "answer the last request of each connection with `Connection: close` (HTTP/2: GOAWAY) while it drains, before idle connections are closed"
        }
        Missing::DrainBeforeClose => {
            "keep listening until clients have stopped coming: fail the readiness probe or leave the load balancer first, and wait (Kubernetes: a `preStop` sleep of 5 to 15 s)"
        }
        Missing::CloseIdle => "close idle connections when it stops listening, not when the process ends",
    };
    text.to_owned()
}
