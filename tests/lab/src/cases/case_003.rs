//! Case 003: an upload by `ali-oss` whose body pauses, and which "the server" resets again and again.

mod upload;

use super::{
    Answer, Case, Drawn,
    check::Checks,
    observed::Observed,
    software::{NGINX, NODE},
    stage::{Software, Stage, Wire},
};
use crate::{
    kit::Need,
    picture::Moment,
    report::{Endpoint, Timer},
    truth::Side,
};

use self::upload::{Limit, UPLOADS, Upload};

pub(super) const CASE: Case = Case {
    name: "case-003",
    title: "ECONNRESET in a streaming upload",
    happened: "A service streams what it produces into an object store (`ali-oss`, PUT, chunked). Now and then it produces nothing \
        for two minutes, and the upload fails with `ECONNRESET: socket hang up`, as if the server had reset it. Nobody \
        had: after 30 s the client's own agent destroyed the socket, and Node calls that ECONNRESET. With that timeout \
        raised it failed after 60 s, by the client's response timeout. With that raised it failed after 60 s once \
        more, with ECONNRESET again, and now it was the server. A byte of heartbeat in the body within every minute \
        cured it.",
    stages: &[FOUND, AGENT_RAISED, RESPONSE_RAISED, HEARTBEAT, OSS_TODAY, AGENT_TODAY, URLLIB_TODAY],
    first_port: 18_300,
    scale: 10,
    pictures: &[
        Drawn {
            stage: "as-found",
            port: 0,
            word: "premature-hangup",
            title: "The client ends the upload, and Node calls that ECONNRESET",
            client: "ali-oss",
            server: "nginx",
            remark: (Moment::LastQuiet, "the body pauses; urllib's response timeout strikes"),
        },
        Drawn {
            stage: "response-timeout-raised",
            port: 0,
            word: "premature-hangup",
            title: "The server ends the upload, and Node calls that ECONNRESET too",
            client: "ali-oss",
            server: "nginx",
            remark: (Moment::LastQuiet, "the body pauses; nginx's client_body_timeout strikes"),
        },
    ],
    answer: Answer {
        lead: "No connection was idle: an upload that pauses is under way. Of three timeouts the last is the server's, and no setting of \
            the client lengthens it. The report says of it, at the server:",
        stage: "response-timeout-raised",
        role: Side::Server,
        port: 0,
    },
};

const OSS_THEN: Software = Software {
    name: "ali-oss",
    needs: &[Need::Npm("ali-oss-6-0")],
    version: |kit| kit.module_version("ali-oss-6-0"),
};

/// What `ali-oss` had then: newer ones move the socket's timeout behind their own.
const URLLIB_THEN: Software = Software {
    name: "urllib",
    needs: &[Need::Npm("urllib-2-29")],
    version: |kit| kit.module_version("urllib-2-29"),
};

const OSS_NOW: Software = Software {
    name: "ali-oss",
    needs: &[Need::Npm("ali-oss")],
    version: |kit| kit.module_version("ali-oss"),
};

const AGENT_NOW: Software = Software {
    name: "agentkeepalive",
    needs: &[Need::Npm("agentkeepalive")],
    version: |kit| kit.module_version("agentkeepalive"),
};

const URLLIB_NOW: Software =
    Software { name: "urllib", needs: &[Need::Npm("urllib")], version: |kit| kit.module_version("urllib") };

const THEN: &[Software] = &[NODE, NGINX, OSS_THEN, URLLIB_THEN];

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

const FOUND: Stage = Stage {
    name: "as-found",
    changed: "Nothing. The body pauses for two minutes; all uploads but one send a byte more within the first 28 s.",
    software: THEN,
    wire: Wire::Loopback,
    play: |scene| UPLOAD.play(scene),
    holds: |seen, checks| {
        failed(seen, checks, "ResponseError: socket hang up", "400");
        is_reported(seen, checks, &AGENTS);
    },
};

const AGENT_RAISED: Stage = Stage {
    name: "agent-timeout-raised",
    changed: "The agent's `timeout` is 300 s. Each upload sends one byte more, after 10 to 31 s.",
    software: THEN,
    wire: Wire::Loopback,
    play: |scene| Upload { agent: Limit::Set(300.0), chunks: EACH_SENDS_ONE_MORE, ..UPLOAD }.play(scene),
    holds: |seen, checks| {
        failed(seen, checks, "ResponseTimeoutError: Response timeout for @ms@ms", "400");
        is_reported(seen, checks, &RESPONSES);
    },
};

const RESPONSE_RAISED: Stage = Stage {
    name: "response-timeout-raised",
    changed: "The `timeout` of `ali-oss` is 300 s too.",
    software: THEN,
    wire: Wire::Loopback,
    play: |scene| Upload { agent: Limit::Set(300.0), response: Limit::Set(300.0), ..UPLOAD }.play(scene),
    holds: |seen, checks| {
        failed(seen, checks, "ResponseError: socket hang up", "408");
        is_reported(seen, checks, &SERVERS);
    },
};

const HEARTBEAT: Stage = Stage {
    name: "heartbeat",
    changed: "The body carries a byte every 50 s; it ends after 120 s.",
    software: THEN,
    wire: Wire::Loopback,
    play: |scene| {
        let raised = Limit::Set(300.0);
        Upload { agent: raised, response: raised, chunks: &[&[50.0, 100.0]], ..UPLOAD }.play(scene)
    },
    holds: |seen, checks| {
        checks.same(
            "every upload was stored, its client says",
            &seen.claims.count("client", "200"),
            &UPLOADS,
        );
        checks.same(
            "every upload was stored, the server says",
            &seen.claims.count("server", "200"),
            &UPLOADS,
        );
        for role in [Side::Client, Side::Server] {
            let begun = seen.endpoint(role, 0).map(|one| one.started);
            checks.same(
                format_args!("the {role} sees the uploads", role = role.word()),
                &begun,
                &Some(UPLOADS),
            );
            let premature = seen.endpoint(role, 0).map(|one| one.verdict("premature-hangup"));
            checks.same(format_args!("and none that was ended at the {}", role.word()), &premature, &Some(0));
        }
    },
};

const OSS_TODAY: Stage = Stage {
    name: "ali-oss-today",
    changed: "`ali-oss` of today, with nothing set; each upload sends one byte more, after 10 to 31 s. Its agent has the 30 s still, but \
        its urllib moves them behind the response timeout.",
    software: &[NODE, NGINX, OSS_NOW],
    wire: Wire::Loopback,
    play: |scene| Upload { library: "ali-oss", chunks: EACH_SENDS_ONE_MORE, ..UPLOAD }.play(scene),
    holds: |seen, checks| {
        failed(seen, checks, "ResponseTimeoutError: Response timeout for @ms@ms", "400");
        is_reported(seen, checks, &RESPONSES);
    },
};

const AGENT_TODAY: Stage = Stage {
    name: "agentkeepalive-today",
    changed: "`agentkeepalive` of today by itself, with nothing set: 8 s where it was 30 s, and an error that names it.",
    software: &[NODE, NGINX, AGENT_NOW],
    wire: Wire::Loopback,
    play: |scene| {
        // At any scale: it is short, and a server that waits for longer shows it.
        let (agent, server) = (Limit::Own, 300.0);
        let (library, chunks): (_, &[&[f64]]) =
            ("agentkeepalive", &[&[], &[1.0], &[2.0], &[3.0], &[4.0], &[5.0], &[6.0], &[7.0]]);
        Upload { library, depends: library, agent, server, chunks, ..UPLOAD }.play(scene)
    },
    holds: |seen, checks| {
        failed(seen, checks, "ERR_SOCKET_TIMEOUT: Socket timeout", "400");
        is_reported(seen, checks, &AGENTS_NOW);
    },
};

const URLLIB_TODAY: Stage = Stage {
    name: "urllib-today",
    changed: "urllib 4 by itself (undici), with nothing set: its 5 s do not run while a body is being sent, and the server's timeout is first.",
    software: &[NODE, NGINX, URLLIB_NOW],
    wire: Wire::Loopback,
    play: |scene| {
        let own = Limit::Default(5.0);
        Upload { library: "urllib", depends: "urllib", response: own, ..UPLOAD }.play(scene)
    },
    holds: |seen, checks| {
        failed(seen, checks, "UND_ERR_SOCKET: other side closed", "408");
        is_reported(seen, checks, &SERVERS);
    },
};

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

/// What the software says of itself.
fn failed(seen: &Observed, checks: &mut Checks, client: &str, server: &str) {
    let client = client.replace("@ms@", &format!("{}", seen.scaled(60_000.0)));
    checks.same(
        format_args!("every upload fails: {client}"),
        &seen.claims.count("client", &client),
        &UPLOADS,
    );
    checks.same(format_args!("nginx logs {server} for each"), &seen.claims.count("server", server), &UPLOADS);
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
