//! A request on a used connection that got the server's FIN for an answer, as soon as it had come. The server may have dropped
//! it for its own reasons; or its idle timer had fired, and it read what waited there only to throw it away.

use super::ClosedConnection;
use crate::labels::{Cause, CloseType, Closer, Phase, Verdict};

/// A server that is held up for longer, before or behind its timer, is stuck.
pub const AT_ONCE_SECONDS: f64 = 0.25;

/// Whether it was so.
pub fn is_dropped_at_once(close: &ClosedConnection) -> bool {
    close.verdict == Verdict::PrematureHangup
        && (close.closer, close.close_type) == (Closer::Server, CloseType::Fin)
        && matches!(close.phase, Phase::Waiting | Phase::RequestHead | Phase::RequestBody)
        && close.in_flight == Some(1)
        && close.cause == Cause::Unknown
        && close.reuse_gap.is_some()
        && close.request.is_some_and(|lay| lay <= AT_ONCE_SECONDS)
}
