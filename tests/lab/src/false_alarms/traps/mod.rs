//! The traps, by what they look like.

mod browser;
mod chatter;
mod elsewhere;
mod ends;
mod in_flight;
mod limits;
mod needs;
mod pools;
mod probes;
mod processes;
mod sockets;

use super::trap::Trap;

/// All of them, those that take longest first.
pub(super) fn all() -> impl Iterator<Item = &'static Trap> {
    let groups = [
        browser::TRAPS,
        sockets::TRAPS,
        processes::TRAPS,
        pools::TRAPS,
        limits::TRAPS,
        chatter::TRAPS,
        ends::TRAPS,
        in_flight::TRAPS,
        probes::TRAPS,
        elsewhere::TRAPS,
    ];
    groups.into_iter().flatten()
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
