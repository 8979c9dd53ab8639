//! A server that shuts down.

use crate::stage::Stage;

use super::idle::SERVER_IDLE;
use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 1] = [Scenario::loopback(
    "listener-shutdown",
    "the listener is closed, then each of three idle connections by the server",
    listener_shutdown,
)];

fn listener_shutdown(stage: &mut Stage) -> Played {
    let mut idle_pairs = Vec::new();
    for _ in 0..3 {
        let pair = stage.dial()?;
        let served = stage.exchanges(&pair)?;
        idle_pairs.push((pair, served));
    }
    stage.idle();
    stage.close_listener()?;
    let mut truths = Vec::new();
    for (pair, served) in &idle_pairs {
        pair.server_closes()?;
        let idle = SERVER_IDLE.served(*served);
        truths.extend(stage.both(pair, idle.causes(&["shutdown"])));
    }
    Ok(truths)
}
