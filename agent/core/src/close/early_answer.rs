//! A request that is answered in full before all of it has come. It is not in flight any more, unless the answer was
//! destroyed before the client had it.

use super::{
    ending::Ending,
    facts::{Facts, Reading as _},
    phase::ExchangePhase,
};
use crate::labels::{CloseType, Closer, Phase, Role};

/// A client that is still sending reads its answer within this (and two round trips), if it reads at all.
const READ_WITHIN_SECONDS: f64 = 0.1;

/// Whether the client has its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Read,
    /// As far as this end can tell.
    ProbablyRead,
    ProbablyLost,
    Lost,
}

/// Decides what an early answer means for the phase.
pub(super) fn settle(facts: &Facts, ending: Ending, view: &mut ExchangePhase) {
    let Some(phase) = view.at.as_ref().and_then(|at| at.answered_early) else { return };
    if view.phase != Phase::Idle {
        return;
    }
    let answer = answer(facts, ending, view);
    view.exact &= matches!(answer, Answer::Read | Answer::Lost);
    if matches!(answer, Answer::Read | Answer::ProbablyRead) {
        view.is_answered_early = true;
    } else {
        view.phase = phase;
        view.in_flight = Some(1);
    }
}

fn answer(facts: &Facts, ending: Ending, view: &ExchangePhase) -> Answer {
    let first = &facts.first;
    let is_reset = ending.close_type == CloseType::Rst;
    match facts.role {
        // What the process has not read when a reset comes, or when it closes, it does not read any more: it learns of the
        // reset from its own write.
        Role::Client if is_reset || ending.local => {
            if first.unread() > 0 {
                Answer::Lost
            } else {
                Answer::Read
            }
        }
        Role::Client => Answer::Read,
        // A client that leaves has the answer that it acknowledged, though perhaps not read.
        _ if ending.closer == Closer::Client && first.unacked() == 0 => {
            if is_reset {
                Answer::ProbablyRead
            } else {
                Answer::Read
            }
        }
        _ if ending.closer == Closer::Client => Answer::ProbablyLost,
        // Behind a FIN nothing destroys it.
        _ if !is_reset => Answer::Read,
        _ if first.unacked() > 0 || first.write_seq != first.snd_nxt => Answer::ProbablyLost,
        _ => {
            let since = view.idle_since.map(|ended| f64::from(first.ticks_since(ended)) * facts.tick);
            let window = READ_WITHIN_SECONDS.max(2.0 * first.srtt_seconds());
            if since.is_some_and(|since| since > window) {
                Answer::ProbablyRead
            } else {
                Answer::ProbablyLost
            }
        }
    }
}
