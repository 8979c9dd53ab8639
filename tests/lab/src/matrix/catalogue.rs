//! All that client programs play.

use std::time::Duration;

use super::scenario::{Asks, CLIENT, Due, EITHER, SERVER, Scenario, Stage, Step};
use crate::truth::Phase::{self, Idle, RequestBody, Response, Waiting};

const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// Until after the server has been ended; then the client is ended too.
const HELD: Duration = Duration::from_mins(1);
/// The scenario in which a server's idle time-out is waited for.
pub(super) const SERVER_IDLE: &str = "the server's idle time-out";
/// Longer than a plain answer takes while all programs start.
const GIVES_UP: Duration = ms(3000);
/// A server's own time-outs have struck before.
const OUTWAITS: Duration = Duration::from_secs(12);
const LATER: &str = "/wait/60000";
const DRIPS: &str = "/drip/60000";

const BASE: Scenario = Scenario {
    name: "",
    stage: Stage::Patient,
    times: 2,
    steps: &[],
    may_reuse: false,
    idle_limit: None,
    request_limit: None,
    asks: Asks::Nothing,
    timer: None,
    due: Due::Open,
};

/// A request that is sent so many milliseconds after the server's idle time-out, or before it.
const fn tempting(name: &'static str, steps: &'static [Step]) -> Scenario {
    Scenario { name, stage: Stage::Hasty, times: 1, steps, timer: Some(Idle), ..BASE }
}

macro_rules! sweep {
    ($($after:literal),*) => {
        [$(tempting(
            concat!("asks ", $after, " ms after the time-out"),
            &[Step::Get("/"), Step::Tempt($after), Step::Get("/"), Step::Outlast],
        )),*]
    };
}

/// Around the time-out in steps of a millisecond, and where nothing but a pool that does not look still asks.
const SWEEP: [Scenario; 17] = sweep![-40, -15, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 15, 60, 250, 900];

const PLAIN: [Scenario; 19] = [
    Scenario {
        name: "closes its pool",
        times: 3,
        steps: &[Step::Get("/"), Step::Sleep(ms(400)), Step::Close, Step::Hold(ms(300))],
        may_reuse: true,
        asks: Asks::Closing,
        due: Due::By(CLIENT, &[Idle]),
        ..BASE
    },
    Scenario {
        name: "closes its pool at once",
        steps: &[Step::Get("/"), Step::Close, Step::Hold(ms(300))],
        may_reuse: true,
        asks: Asks::Closing,
        due: Due::By(CLIENT, &[Idle]),
        ..BASE
    },
    Scenario {
        name: "its pool's timer ends it",
        times: 3,
        steps: &[Step::Get("/"), Step::Hold(ms(3500))],
        may_reuse: true,
        idle_limit: Some(ms(1000)),
        asks: Asks::IdleLimit,
        due: Due::By(CLIENT, &[Idle]),
        ..BASE
    },
    Scenario {
        name: "slow answers",
        times: 1,
        steps: &[Step::Get("/wait/300"), Step::Get("/drip/300"), Step::Sleep(ms(300)), Step::Close],
        asks: Asks::Closing,
        due: Due::By(CLIENT, &[Idle]),
        ..BASE
    },
    Scenario {
        name: "the last one, as announced",
        times: 3,
        steps: &[Step::Get("/last"), Step::Hold(ms(500))],
        may_reuse: true,
        due: Due::By(EITHER, &[Idle]),
        ..BASE
    },
    Scenario {
        name: "gives up in its request's body",
        times: 3,
        steps: &[Step::Stall, Step::Hold(ms(300))],
        may_reuse: true,
        request_limit: Some(GIVES_UP),
        asks: Asks::Stalling,
        due: Due::By(CLIENT, &[RequestBody]),
        ..BASE
    },
    Scenario {
        name: "gives up waiting",
        times: 3,
        steps: &[Step::Get(LATER), Step::Hold(ms(300))],
        may_reuse: true,
        request_limit: Some(GIVES_UP),
        due: Due::By(CLIENT, &[Waiting]),
        ..BASE
    },
    Scenario {
        name: "gives up in the response",
        times: 3,
        steps: &[Step::Get(DRIPS), Step::Hold(ms(300))],
        may_reuse: true,
        request_limit: Some(GIVES_UP),
        due: Due::By(CLIENT, &[Response]),
        ..BASE
    },
    Scenario {
        name: SERVER_IDLE,
        stage: Stage::Hasty,
        times: 4,
        steps: &[Step::Get("/"), Step::Outlast],
        may_reuse: true,
        timer: Some(Idle),
        due: Due::By(SERVER, &[Idle]),
        ..BASE
    },
    Scenario {
        name: "the server's time-out in the body",
        stage: Stage::Hasty,
        steps: &[Step::Stall, Step::Hold(ms(300))],
        may_reuse: true,
        request_limit: Some(OUTWAITS),
        asks: Asks::Stalling,
        timer: Some(RequestBody),
        // It may be told so (408), and be the first to close then.
        due: Due::By(EITHER, &[RequestBody]),
        ..BASE
    },
    Scenario {
        name: "the server's time-out while it works",
        stage: Stage::Hasty,
        steps: &[Step::Get(LATER), Step::Outlast],
        may_reuse: true,
        request_limit: Some(OUTWAITS),
        timer: Some(Waiting),
        // A proxy answers, and may end it as announced.
        due: Due::By(EITHER, &[Waiting, Idle]),
        ..BASE
    },
    Scenario {
        name: "the server's time-out in the response",
        stage: Stage::Hasty,
        steps: &[Step::Get(DRIPS), Step::Hold(ms(300))],
        may_reuse: true,
        request_limit: Some(OUTWAITS),
        timer: Some(Response),
        due: Due::By(SERVER, &[Response]),
        ..BASE
    },
    ended("killed when idle", Stage::Killed, &[Step::Get("/"), Step::Hold(HELD)], Idle),
    ended("killed while it works", Stage::Killed, &[Step::Get("/"), Step::Get(LATER)], Waiting),
    ended("killed in the response", Stage::Killed, &[Step::Get("/"), Step::Get(DRIPS)], Response),
    Scenario {
        asks: Asks::Stalling,
        ..ended("killed in the body", Stage::Killed, &[Step::Get("/"), Step::Stall], RequestBody)
    },
    ended("terminated when idle", Stage::Terminated, &[Step::Get("/"), Step::Hold(HELD)], Idle),
    Scenario {
        // It may be answered yet.
        due: Due::By(EITHER, &[Waiting, Response, Idle]),
        ..ended("terminated while it works", Stage::Terminated, &[Step::Get("/"), Step::Get(LATER)], Waiting)
    },
    Scenario {
        due: Due::By(EITHER, &[Response, Idle]),
        ..ended(
            "terminated in the response",
            Stage::Terminated,
            &[Step::Get("/"), Step::Get(DRIPS)],
            Response,
        )
    },
];

const fn ended(name: &'static str, stage: Stage, steps: &'static [Step], phase: Phase) -> Scenario {
    let phases: &[Phase] = match phase {
        Idle => &[Idle],
        RequestBody => &[RequestBody],
        Response => &[Response],
        _ => &[Waiting],
    };
    Scenario { name, stage, steps, due: Due::By(SERVER, phases), ..BASE }
}

/// All that client programs play.
pub(super) fn all() -> impl Iterator<Item = &'static Scenario> {
    static ALL: ([Scenario; 19], [Scenario; 17]) = (PLAIN, SWEEP);
    ALL.0.iter().chain(&ALL.1)
}
