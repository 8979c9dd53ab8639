//! Who was first, and how near is near: what every truth of the lab is decided by. Sequence numbers where they can,
//! clocks where the definition is one of time (docs/verdicts.md).

use std::time::Duration;

/// "In the same moment", from before the request's first system call to after the one that closed.
const SAME_MOMENT: Duration = Duration::from_millis(1);
/// A client that waited for longer gave up waiting.
const GAVE_UP: Duration = Duration::from_millis(20);
/// A request that is unread for less than this has met a close, whatever the agent's clock ticks make of it.
const SURELY_FRESH: Duration = Duration::from_millis(14);
/// And after this the server had time to read it.
const SURELY_OLD: Duration = Duration::from_millis(30);
/// Around 0.1 s a client's close belongs to its exchange, or not: no nearer than this.
const PROMPT: (Duration, Duration) = (Duration::from_millis(90), Duration::from_millis(110));

/// Where a segment stands in both directions; the origin is the same for both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Where in its own direction: for a FIN, where its payload ends.
    pub(crate) at: u64,
    /// What it acknowledges of the other direction; a FIN counts as one.
    pub(crate) acks: u64,
}

/// One end's first FIN or RST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) resets: bool,
    pub(crate) mark: Mark,
}

/// Whose FIN or RST was first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    Client(Ending),
    Server(Ending),
    /// Neither had seen the other's.
    Both,
}

/// `None` when there was none, or each acknowledges the other's.
pub(crate) fn first(client: Option<Ending>, server: Option<Ending>) -> Option<First> {
    match (client, server) {
        (None, None) => None,
        (Some(client), None) => Some(First::Client(client)),
        (None, Some(server)) => Some(First::Server(server)),
        (Some(client), Some(server)) => {
            match (client.mark.acks > server.mark.at, server.mark.acks > client.mark.at) {
                (true, false) => Some(First::Server(server)),
                (false, true) => Some(First::Client(client)),
                (false, false) => Some(First::Both),
                (true, true) => None,
            }
        }
    }
}

/// Whether a client's close, so long after its response, belongs to the exchange. `None` when it is too near to tell.
pub(crate) fn is_prompt(idle: Duration) -> Option<bool> {
    match idle {
        _ if idle < PROMPT.0 => Some(true),
        _ if idle < PROMPT.1 => None,
        _ => Some(false),
    }
}

/// Whether a request that had been there for so long, at least and at most, was unread because the server closed in that
/// moment; else the server had time to read it. `None` when it is too near to tell. Two `round_trip`s may be longer than the
/// 20 ms that are granted to every server (docs/verdicts.md); an end smooths what it measures, so that some way from either
/// side of them it is too near too.
pub(crate) fn is_fresh(least: Duration, most: Duration, round_trip: Duration) -> Option<bool> {
    let window = 2 * round_trip;
    match () {
        () if most <= SURELY_FRESH.max(window.mul_f64(0.7)) => Some(true),
        () if least >= SURELY_OLD.max(window.mul_f64(1.5)) => Some(false),
        () => None,
    }
}

/// Whether a client that closed so long after its own request, at least and at most, did so by a timer that had nothing
/// to do with it; else it gave up waiting. `None` when it is too near to tell.
pub(crate) fn is_own_timer(least: Duration, most: Duration) -> Option<bool> {
    match () {
        () if least >= GAVE_UP => Some(false),
        () if most <= SAME_MOMENT => Some(true),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fin(at: u64, acks: u64) -> Ending {
        Ending { resets: false, mark: Mark { at, acks } }
    }

    #[test]
    fn who_acknowledges_the_others_end_was_second() {
        let (client, server) = (fin(10, 20), fin(20, 11));
        assert_eq!(first(Some(client), Some(server)), Some(First::Client(client)));
        let client = fin(10, 21);
        assert_eq!(first(Some(client), Some(fin(20, 10))), Some(First::Server(fin(20, 10))));
        assert_eq!(first(Some(fin(10, 20)), Some(fin(20, 10))), Some(First::Both));
        assert_eq!(first(Some(fin(10, 21)), Some(fin(20, 11))), None);
        assert_eq!(first(None, None), None);
    }

    #[test]
    fn what_is_near_a_border_is_left_open() {
        let ms = Duration::from_millis;
        assert_eq!([80, 100, 120].map(|wait| is_prompt(ms(wait))), [Some(true), None, Some(false)]);
        let near = [2, 20, 40].map(|age| is_fresh(ms(age), ms(age), Duration::ZERO));
        assert_eq!(near, [Some(true), None, Some(false)]);
        let far = [50, 70, 130].map(|age| is_fresh(ms(age), ms(age), ms(40)));
        assert_eq!(far, [Some(true), None, Some(false)]);
        assert_eq!([0, 5, 20].map(|age| is_own_timer(ms(age), ms(age))), [Some(true), None, Some(false)]);
    }
}
