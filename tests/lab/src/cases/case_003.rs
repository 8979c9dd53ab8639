//! Case 003: an upload by `ali-oss` whose body pauses, and which "the server" resets again and again.

mod upload;

use super::{check::Checks, observed::Observed, stage::Act};
use crate::{
    report::{Endpoint, Timer},
    truth::Side,
};

use self::upload::{Limit, UPLOADS, Upload};

/// One upload sends nothing more, each other a byte more at a time of its own: what counts from the last byte comes at
/// another time in each.
const SOME_SEND_ONE_MORE: &[&[f64]] = &[&[], &[4.0], &[8.0], &[12.0], &[16.0], &[20.0], &[24.0], &[28.0]];
/// Each sends one more: what the server counts from there comes well after what the client counts from the beginning.
const EACH_SENDS_ONE_MORE: &[&[f64]] =
    &[&[10.0], &[13.0], &[16.0], &[19.0], &[22.0], &[25.0], &[28.0], &[31.0]];

const UPLOAD: Upload = Upload {
    library: "ali-oss-6-0",
    depends: "ali-oss",
    agent: Limit::Default(30.0),
    response: Limit::Default(60.0),
    server: 60.0,
    chunks: SOME_SEND_ONE_MORE,
    ends: 120.0,
};

/// How its stages are played, and what must hold of them.
pub(super) fn act(stage: &str) -> Option<Act> {
    Some(match stage {
        "as-found" => Act {
            play: |scene| UPLOAD.play(scene),
            holds: |seen, checks| fails(seen, checks, "ResponseError: socket hang up", "400", &AGENTS),
        },
        "agent-timeout-raised" => Act {
            play: |scene| {
                Upload { agent: Limit::Set(300.0), chunks: EACH_SENDS_ONE_MORE, ..UPLOAD }.play(scene)
            },
            holds: |seen, checks| fails(seen, checks, TIMED_OUT, "400", &RESPONSES),
        },
        "response-timeout-raised" => Act {
            play: |scene| {
                Upload { agent: Limit::Set(300.0), response: Limit::Set(300.0), ..UPLOAD }.play(scene)
            },
            holds: |seen, checks| fails(seen, checks, "ResponseError: socket hang up", "408", &SERVERS),
        },
        "heartbeat" => Act {
            play: |scene| {
                let raised = Limit::Set(300.0);
                Upload { agent: raised, response: raised, chunks: &[&[50.0, 100.0]], ..UPLOAD }.play(scene)
            },
            holds: are_stored,
        },
        "ali-oss-today" => Act {
            play: |scene| Upload { library: "ali-oss", chunks: EACH_SENDS_ONE_MORE, ..UPLOAD }.play(scene),
            holds: |seen, checks| fails(seen, checks, TIMED_OUT, "400", &RESPONSES),
        },
        "agentkeepalive-today" => Act {
            play: |scene| {
                // At any scale: it is short, and a server that waits for longer shows it.
                let (agent, server) = (Limit::Own, 300.0);
                let (library, chunks): (_, &[&[f64]]) =
                    ("agentkeepalive", &[&[], &[1.0], &[2.0], &[3.0], &[4.0], &[5.0], &[6.0], &[7.0]]);
                Upload { library, depends: library, agent, server, chunks, ..UPLOAD }.play(scene)
            },
            holds: |seen, checks| {
                fails(seen, checks, "ERR_SOCKET_TIMEOUT: Socket timeout", "400", &AGENTS_NOW);
            },
        },
        "urllib-today" => Act {
            play: |scene| {
                let own = Limit::Default(5.0);
                Upload { library: "urllib", depends: "urllib", response: own, ..UPLOAD }.play(scene)
            },
            holds: |seen, checks| fails(seen, checks, "UND_ERR_SOCKET: other side closed", "408", &SERVERS),
        },
        _ => return None,
    })
}

const TIMED_OUT: &str = "ResponseTimeoutError: Response timeout for @ms@ms";

/// Every upload was stored, and nothing ended one.
fn are_stored(seen: &Observed, checks: &mut Checks) {
    for who in ["client", "server"] {
        let what = format!("every upload was stored, the {who} says");
        checks.same(what, &seen.claims.count(who, "200"), &UPLOADS);
    }
    for role in Side::BOTH {
        let (end, at) = (seen.endpoint(role, 0), role.word());
        let begun = end.map(|one| one.started);
        checks.same(format!("the {at} sees the uploads"), &begun, &Some(UPLOADS));
        let premature = end.map(|one| one.verdict("premature-hangup"));
        checks.same(format!("and none that was ended at the {at}"), &premature, &Some(0));
    }
}

/// A timeout that ends uploads.
struct Ends {
    side: Side,
    cause: &'static str,
    clock: &'static str,
    /// Of the true case.
    seconds: f64,
    /// Nobody sets it: it is so long at any scale.
    is_own: bool,
    /// How the knowledge of timeouts calls it.
    setting: &'static str,
}

const AGENTS: Ends = Ends {
    side: Side::Client,
    cause: "stall-timer",
    clock: "silent",
    seconds: 30.0,
    is_own: false,
    setting: "timeout of ali-oss' agent",
};
const AGENTS_NOW: Ends = Ends { seconds: 8.0, is_own: true, setting: "timeout of agentkeepalive", ..AGENTS };
const RESPONSES: Ends = Ends {
    side: Side::Client,
    cause: "request-timeout",
    clock: "request",
    seconds: 60.0,
    is_own: false,
    setting: "timeout of ali-oss",
};
const SERVERS: Ends = Ends {
    side: Side::Server,
    cause: "stall-timer",
    clock: "silent",
    seconds: 60.0,
    is_own: false,
    setting: "client_body_timeout",
};

/// What the software says of itself, and what the agent says of it.
fn fails(seen: &Observed, checks: &mut Checks, client: &str, server: &str, ends: &Ends) {
    let client = client.replace("@ms@", &format!("{}", seen.scaled(60_000.0)));
    checks.same(
        format_args!("every upload fails: {client}"),
        &seen.claims.count("client", &client),
        &UPLOADS,
    );
    checks.same(format_args!("nginx logs {server} for each"), &seen.claims.count("server", server), &UPLOADS);
    is_reported(seen, checks, ends);
}

/// What the agent says, at both ends.
fn is_reported(seen: &Observed, checks: &mut Checks, ends: &Ends) {
    let Ends { side, cause, clock, seconds, is_own, setting } = ends;
    let seconds = if *is_own { *seconds } else { seen.scaled(*seconds) };
    for role in [Side::Client, Side::Server] {
        let at = role.word();
        let right = seen.closes(role, 0).filter(|one| {
            one.verdict == "premature-hangup" && one.phase == "request-body" && one.closer == side.word()
        });
        let what = format!("at the {at}: each is ended by the {} while its body was coming", side.word());
        checks.same(what, &(right.count() as u64), &UPLOADS);
        let endpoint = seen.endpoint(role, 0);
        let idle = endpoint.map(|one| one.verdict("client-idle") + one.verdict("server-idle"));
        checks.same(format_args!("at the {at}: none is called idle"), &idle, &Some(0));
        // The first two closes of a timer are not known to be its own yet, nor are those that a busy machine delays; and
        // nginx begins to wait anew only when 0.3 s have passed since it began last.
        let all = endpoint.map_or(&[][..], |one| &one.causes);
        let is_other = |(word, _): &&(String, u64)| word != cause && word != "unknown";
        let others: Vec<_> = all.iter().filter(is_other).collect();
        let caused = endpoint.map_or(0, |one| one.cause(cause));
        let what = format!("at the {at}: the cause is {cause} or not known");
        checks.that(what, caused >= 2 && others.is_empty(), format!("{caused} and {others:?}"));
        let timer = endpoint.and_then(main_timer);
        let found = timer.map(|timer| (timer.side, timer.clock.as_str()));
        checks.same(format_args!("at the {at}: whose clock it is"), &found, &Some((*side, *clock)));
        checks.about(format_args!("at the {at}: its time"), timer.map(|timer| timer.seconds), seconds, 0.01);
    }
    let advice = seen.endpoint(*side, 0).and_then(|one| one.advice.first());
    let named = advice.and_then(|advice| advice.setting.as_deref());
    checks.same("the setting to look at", &named, &Some(setting));
}

/// The one that ended the most requests.
fn main_timer(endpoint: &Endpoint) -> Option<&Timer> {
    let in_body = endpoint.timers.iter().filter(|timer| timer.phase == "request-body");
    in_body.max_by_key(|timer| timer.count)
}
