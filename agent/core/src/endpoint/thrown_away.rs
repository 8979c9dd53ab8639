//! A request that the server took off its socket and threw away because its idle timer had fired. HAProxy and others read
//! what waits on a connection before they close it, so that the kernel sends no reset (`sock_drain`): nothing lies unread, and a
//! FIN is all that comes. The endpoint's other closes show the timer.

use super::{cluster::tolerance, state::State, timer_readings::Kind, timers::TimerShape};
use crate::{
    close::{AT_ONCE_SECONDS, ClosedConnection, is_dropped_at_once},
    labels::{Clock, Confidence, Phase, Race, Side, Verdict},
};

/// Of the server's idle closes, the share that makes a timer.
const SHARE: f32 = 0.2;

impl State {
    /// Makes an idle race of a close that dropped a request at the server's idle timer. The evidence, if so.
    pub(super) fn find_thrown_away(&self, close: &mut ClosedConnection) -> Option<String> {
        if !is_dropped_at_once(close) {
            return None;
        }
        let (gap, lay) = (close.reuse_gap?, close.request?);
        let idle = gap + lay;
        let series = self.find(Kind { side: Side::Server, phase: Phase::Idle, clock: Clock::Idle })?;
        // It fires no sooner. A server that is not held up had closed before a request came that is later.
        let is_due = |timer: &TimerShape| {
            let near = f64::from(tolerance(timer.most));
            idle >= f64::from(timer.least) - near && gap <= f64::from(timer.most) + near + AT_ONCE_SECONDS
        };
        let timer = series.shown().into_iter().filter(|timer| timer.share >= SHARE).find(is_due)?;
        (close.verdict, close.race) = (Verdict::IdleRace, Some(Race::Unread));
        close.confidence = Confidence::Probable;
        Some(format!(
            "the server closed without a word {idle:.3} s after its last response, when its idle timer ({:.3} s) was due: \
             it threw the request away",
            timer.seconds
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        endpoint::{
            Endpoints,
            sample::{fed, idle, in_flight},
        },
        labels::{CloseType, Closer},
    };

    /// A request after `gap` seconds, and the server's FIN after `lay` more.
    fn dropped(gap: f64, lay: f64) -> ClosedConnection {
        let mut close = in_flight(Side::Server, Phase::Waiting, lay, lay);
        (close.reuse_gap, close.in_flight) = (Some(gap), Some(1));
        close
    }

    fn verdict(
        endpoints: &mut Endpoints,
        mut close: ClosedConnection,
    ) -> (Verdict, Option<Race>, Confidence) {
        endpoints.close(&mut close, true);
        (close.verdict, close.race, close.confidence)
    }

    #[test]
    fn a_request_that_is_dropped_when_the_idle_timer_is_due_is_lost_to_it() {
        let mut endpoints = fed([2.0; 4].map(|seconds| idle(Side::Server, seconds)));
        let race = (Verdict::IdleRace, Some(Race::Unread), Confidence::Probable);
        for (gap, lay) in [(1.94, 0.06), (2.0, 0.004), (1.99, 0.1)] {
            assert_eq!(verdict(&mut endpoints, dropped(gap, lay)), race, "{gap} {lay}");
        }
        for (gap, lay) in [(0.5, 0.1), (2.5, 0.1), (1.5, 0.5)] {
            assert_eq!(verdict(&mut endpoints, dropped(gap, lay)).0, Verdict::PrematureHangup, "{gap} {lay}");
        }
        let reset = ClosedConnection { close_type: CloseType::Rst, ..dropped(1.94, 0.06) };
        assert_eq!(verdict(&mut endpoints, reset).0, Verdict::PrematureHangup);
        let by_client = ClosedConnection { closer: Closer::Client, ..dropped(1.94, 0.06) };
        assert_eq!(verdict(&mut endpoints, by_client).0, Verdict::PrematureHangup);
    }

    #[test]
    fn without_a_timer_nothing_is_known() {
        let mut endpoints = fed([]);
        assert_eq!(verdict(&mut endpoints, dropped(1.94, 0.06)).0, Verdict::PrematureHangup);
    }
}
