//! Case 002: whether Node's connections are used again, and what a graceful shutdown waits for.

mod reuse;
mod shutdown;

use super::stage::Act;

/// How its stages are played, and what must hold of them.
pub(super) fn act(stage: &str) -> Option<Act> {
    reuse::act(stage).or_else(|| shutdown::act(stage))
}
