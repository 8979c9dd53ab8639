//! The traps, by what they look like.

mod elsewhere;
mod limits;
#[allow(dead_code, reason = "the traps to come use the rest")]
mod needs;
mod pools;
mod probes;

use super::trap::Trap;

/// All of them, those that take longest first.
pub(super) fn all() -> impl Iterator<Item = &'static Trap> {
    [limits::TRAPS, pools::TRAPS, probes::TRAPS, elsewhere::TRAPS].into_iter().flatten()
}
