//! What every client plays against every server, and who should have ended it.

use std::time::Duration;

use crate::truth::{
    Phase::{self, Idle, RequestBody, RequestHead, Response, Unused, Waiting},
    Side,
};

/// The instance of a server that it is played against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Stage {
    /// All its time-outs are longer than any play.
    Patient,
    /// All its time-outs are two seconds, or as near as they can be set.
    Hasty,
    /// Patient, until it is ended by SIGKILL.
    Killed,
    /// Patient, until it is told to end by SIGTERM; what is left after some seconds is killed.
    Terminated,
}

impl Stage {
    pub(super) const ALL: [Self; 4] = [Self::Patient, Self::Hasty, Self::Killed, Self::Terminated];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Hasty => "hasty",
            Self::Killed => "killed",
            Self::Terminated => "terminated",
        }
    }

    /// It is ended while conversations with it are open.
    pub(super) fn is_ended(self) -> bool {
        matches!(self, Self::Killed | Self::Terminated)
    }
}

/// What a client program is told; programs/matrix/PLAN.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Get(&'static str),
    Stall,
    Sleep(Duration),
    /// For as long as the server keeps an idle connection, and so many milliseconds more.
    Tempt(i64),
    Close,
    Hold(Duration),
    /// Keeps the pool for longer than the server keeps an idle connection.
    Outlast,
}

/// What only some clients can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Nothing,
    Closing,
    IdleLimit,
    Stalling,
}

/// Who should have ended the conversation's connection, and where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    By(&'static [Side], &'static [Phase]),
    /// A race: chance decides.
    Open,
}

impl Due {
    /// The same where the server says how long it keeps an idle connection.
    pub(super) fn where_announced(self) -> Self {
        match self {
            Self::By(_, phases) if phases == [Idle] => Self::By(EITHER, phases),
            due => due,
        }
    }
}

#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) stage: Stage,
    /// By each client against each server.
    pub(super) times: usize,
    pub(super) steps: &'static [Step],
    /// Half of them ask once before, on the same connection.
    pub(super) may_reuse: bool,
    pub(super) idle_limit: Option<Duration>,
    pub(super) request_limit: Option<Duration>,
    pub(super) asks: Asks,
    /// Only against servers that have a time-out of their own there.
    pub(super) timer: Option<Phase>,
    pub(super) due: Due,
}

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

const CLIENT: &[Side] = &[Side::Client];
const SERVER: &[Side] = &[Side::Server];
const EITHER: &[Side] = &[Side::Client, Side::Server];

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

/// What a script plays that writes its own bytes: where no client library can be brought to.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) name: &'static str,
    pub(super) stage: Stage,
    pub(super) bytes: &'static str,
    /// It ends it itself, so or with an RST.
    pub(super) ends: Option<Ending>,
    pub(super) timer: Option<Phase>,
    pub(super) due: Due,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Close,
    Reset,
}

const HEAD: &str = "GET / HTTP/1.1\r\nHost: lab\r\nX-Rest: ";
const RAW_TIMES: usize = 4;

const fn raw(name: &'static str, stage: Stage, bytes: &'static str, phase: Phase) -> Raw {
    let phases: &[Phase] = match phase {
        Unused => &[Unused],
        _ => &[RequestHead],
    };
    Raw { name, stage, bytes, ends: None, timer: None, due: Due::By(SERVER, phases) }
}

pub(super) static RAW: [Raw; 10] = [
    Raw {
        ends: Some(Ending::Close),
        due: Due::By(CLIENT, &[Unused]),
        ..raw("opens and closes", Stage::Patient, "", Unused)
    },
    Raw {
        ends: Some(Ending::Reset),
        due: Due::By(CLIENT, &[Unused]),
        ..raw("opens and resets", Stage::Patient, "", Unused)
    },
    Raw {
        ends: Some(Ending::Close),
        due: Due::By(CLIENT, &[RequestHead]),
        ..raw("closes in the head", Stage::Patient, HEAD, RequestHead)
    },
    Raw {
        ends: Some(Ending::Reset),
        due: Due::By(CLIENT, &[RequestHead]),
        ..raw("resets in the head", Stage::Patient, HEAD, RequestHead)
    },
    Raw { timer: Some(Unused), ..raw("the server's time-out for a first request", Stage::Hasty, "", Unused) },
    Raw {
        timer: Some(RequestHead),
        ..raw("the server's time-out in the head", Stage::Hasty, HEAD, RequestHead)
    },
    raw("killed before a request", Stage::Killed, "", Unused),
    raw("killed in the head", Stage::Killed, HEAD, RequestHead),
    raw("terminated before a request", Stage::Terminated, "", Unused),
    raw("terminated in the head", Stage::Terminated, HEAD, RequestHead),
];

/// What is played against a server with these time-outs; each so often.
pub(super) fn raw_against(timers: &[Phase]) -> impl Iterator<Item = &'static Raw> {
    let wanted = |raw: &&Raw| raw.timer.is_none_or(|phase| timers.contains(&phase));
    RAW.iter().filter(wanted).flat_map(|raw| std::iter::repeat_n(raw, RAW_TIMES))
}
