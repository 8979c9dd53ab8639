//! Connections that end with an RST while nothing is wrong, or that nobody ever read from.

use crate::destroy;
use crate::endpoint::Ending;
use crate::http::{Persist, Request};
use crate::ledger::Part;
use crate::stage::Stage;
use crate::truth::Expect;

use super::idle::{CLIENT_UNUSED, SERVER_IDLE, SERVER_UNUSED};
use super::{Played, Scenario};

pub(super) const SCENARIOS: [Scenario; 6] = [
    Scenario::loopback(
        "unread-data-first",
        "the first request on a connection arrives and the server closes without reading it",
        unread_data_first,
    ),
    Scenario::loopback("health-check-reset", "the client connects and resets at once", health_check_reset),
    Scenario::loopback("not-accepted", "the listener is closed with a connection in its queue", not_accepted),
    Scenario::loopback(
        "not-accepted-request",
        "the listener is closed with a connection in its queue that carries a request",
        not_accepted_request,
    ),
    Scenario::loopback(
        "keep-alive-then-reset",
        "the server closes an idle connection with a linger time of zero",
        keep_alive_then_reset,
    ),
    Scenario::loopback("sock-destroy", "a stranger destroys the server's idle socket", sock_destroy)
        .net_admin(),
];

const LINGER_ZERO: &[&str] = &["linger-zero"];
const NOT_ACCEPTED: &[&str] = &["not-accepted"];

fn unread_data_first(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let request = Request::any(&mut stage.plan, Persist::KeepAlive);
    pair.client.send(request.bytes(), Part::Begin)?;
    stage.pause(300);
    pair.server.close()?;
    pair.client.finish(Ending::Reset)?;
    let expect = Expect::of("premature-hangup", "server", "rst", "waiting", "SW").in_flight(1).served(0);
    let expect = expect.silent_ms(300).request_ms(300);
    Ok(stage.both(&pair, expect.causes(&["unread-data"])))
}

fn health_check_reset(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    pair.client_resets()?;
    let expect = CLIENT_UNUSED.how("rst");
    Ok(stage.both(&pair, expect.causes(LINGER_ZERO)))
}

fn not_accepted(stage: &mut Stage) -> Played {
    let pair = stage.dial_unaccepted()?;
    stage.idle();
    pair.server.ends_now();
    stage.close_listener()?;
    pair.client.finish(Ending::Reset)?;
    let expect = SERVER_UNUSED.how("rst");
    Ok(stage.both(&pair, expect.causes(NOT_ACCEPTED)))
}

fn not_accepted_request(stage: &mut Stage) -> Played {
    let pair = stage.dial_unaccepted()?;
    let request = Request::any(&mut stage.plan, Persist::KeepAlive);
    pair.client.send(request.bytes(), Part::Begin)?;
    let waited = stage.idle();
    pair.server.ends_now();
    stage.close_listener()?;
    pair.client.finish(Ending::Reset)?;
    let expect = Expect::of("premature-hangup", "server", "rst", "waiting", "SW").in_flight(1).served(0);
    let expect = expect.silent_ms(waited).request_ms(waited);
    Ok(stage.both(&pair, expect.causes(NOT_ACCEPTED)))
}

fn keep_alive_then_reset(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let idle = stage.idle();
    pair.server_resets()?;
    let expect = SERVER_IDLE.how("rst").served(served).idle_ms(idle).silent_ms(idle);
    Ok(stage.both(&pair, expect.causes(LINGER_ZERO)))
}

fn sock_destroy(stage: &mut Stage) -> Played {
    let pair = stage.dial()?;
    let served = stage.exchanges(&pair)?;
    let idle = stage.idle();
    pair.server.ends_now();
    destroy::socket(pair.server.local, pair.server.remote)?;
    pair.server.finish(Ending::Aborted)?;
    pair.client.finish(Ending::Reset)?;
    let fixed = |expect: Expect| expect.in_flight(0).served(served).idle_ms(idle).silent_ms(idle);
    let destroyed = Expect::of("host-abort", "host", "abort", "idle", "HI").causes(&["sock-destroy"]);
    Ok(stage.each(&pair, fixed(SERVER_IDLE.how("rst")), fixed(destroyed)))
}
