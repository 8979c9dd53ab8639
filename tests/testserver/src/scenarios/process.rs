//! Sockets that end because the process that holds them does.

use std::process::{Child, Command, Stdio};

use crate::endpoint::{Ending, Endpoint};
use crate::error::{PlayError, Step as _};
use crate::http::{Persist, Request};
use crate::stage::Stage;
use crate::truth::Expect;

use super::idle::CLIENT_IDLE;
use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 3] = [
    Scenario::processes("process-exit", "the server's process exits before it has answered", process_exit),
    Scenario::processes(
        "process-killed",
        "the server's process is killed before it has answered",
        process_killed,
    ),
    Scenario::processes(
        "process-killed-idle",
        "the client's process is killed while its connection is idle",
        process_killed_idle,
    ),
];

const SERVER_WAITING: Expect = Expect::of("premature-hangup", "server", "fin", "waiting", "SW").in_flight(1);

/// Makes a process that holds this socket, and is the only one to.
fn hand_over(end: &Endpoint, seconds: &str) -> Result<Child, PlayError> {
    let socket = end.give_away()?;
    // The command keeps its copy of the socket until it is dropped, at the end of this statement.
    Command::new("sleep").arg(seconds).stdin(Stdio::from(socket)).spawn().map_err(|reason| {
        PlayError::Missing {
            what: "run sleep",
            remedy: "Install coreutils (or busybox) and have sleep on the PATH",
            reason,
        }
    })
}

fn process_exit(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let request = Request::any(&mut stage.plan, Persist::KeepAlive);
    stage.ask(&pair, &request)?;
    let mut child = hand_over(&pair.server, "0.2")?;
    pair.client.finish(Ending::Fin)?;
    child.wait().step("wait for the child")?;
    let expect = SERVER_WAITING.served(served);
    Ok(stage.both(&pair, expect.causes(&["process-exit"])))
}

fn process_killed(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let request = Request::any(&mut stage.plan, Persist::KeepAlive);
    stage.ask(&pair, &request)?;
    let child = hand_over(&pair.server, "5")?;
    stage.stall();
    kill(child, &pair.client)?;
    let expect = SERVER_WAITING.served(served);
    Ok(stage.both(&pair, expect.causes(&["process-killed"])))
}

fn process_killed_idle(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let child = hand_over(&pair.client, "5")?;
    stage.idle();
    kill(child, &pair.server)?;
    let expect = CLIENT_IDLE.served(served);
    Ok(stage.both(&pair, expect.causes(&["process-killed"])))
}

/// Kills the process; its peer, already waiting, says when the connection ended.
fn kill(mut child: Child, peer: &Endpoint) -> Result<(), PlayError> {
    let ended = peer.start_awaiting_end();
    child.kill().step("kill the child")?;
    child.wait().step("wait for the child")?;
    ended.wait()?;
    peer.finish(Ending::Fin)
}
