//! What ends Node's connections: its timer, a graceful shutdown of an old and a new Node, a crash, a kill.

use std::os::unix::process::ExitStatusExt as _;

use anyhow::{Context as _, Result, bail};
use harness::Program;
use rustix::process::Signal;
use serde::Deserialize;

use super::super::{
    check::Checks,
    claims::Claims,
    observed::{Observed, idle_timer},
    stage::{Place, Scene},
};
use crate::{report::Endpoint, truth::Side};

const APP: u16 = 0;

/// Idle connections that the client holds.
const IDLE: u64 = 6;
/// Node 20's keep-alive timer.
const CLOSES_AFTER: f64 = 6.0;
/// Node 18's.
const CLOSED_AFTER: f64 = 5.0;
/// What closes at once does so within this, seconds.
const AT_ONCE: f64 = 0.5;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Ends {
    node: String,
    /// How long the request takes that is under way, seconds.
    takes: f64,
    /// What is done to the server meanwhile.
    by: By,
    holds: Holds,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    /// Nothing, for so many seconds.
    Waits(f64),
    /// SIGTERM, which it handles in this manner.
    Graceful(String),
    Crash,
    Signal(i32),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Holds {
    CountsFromTheResponse,
    WaitsForIdleOnes,
    ClosesIdleOnes,
    WaitsForNobody,
    IsCutOff { cause: String, how: String },
}

/// The application on this Node.
pub(super) fn serve(scene: &Scene, node: &str, manners: Option<&str>) -> Result<Program> {
    let at = scene.at(Place::Far, APP);
    let mut command = scene.node(node, "cases/keep-alive/server.js");
    command.args([at.ip().to_string(), at.port().to_string()]).args(manners);
    scene.serve(Place::Far, command, "server", &[at.port()])
}

impl Ends {
    pub(super) fn play(&self, scene: &Scene) -> Result<Claims> {
        let manners = if let By::Graceful(manners) = &self.by { Some(manners.as_str()) } else { None };
        let mut server = serve(scene, &self.node, manners)?;
        let path = if matches!(self.by, By::Crash) { "/crash" } else { "/" };
        let mut command = scene.node("node-20", "cases/keep-alive/holds.js");
        command.arg(format!("http://{}", scene.at(Place::Near, APP))).arg(IDLE.to_string());
        command.arg(format!("{path}?takes={:.0}", 1e3 * self.takes));
        let client = scene.start(Place::Near, command, "client")?;
        await_asked(scene, &client)?;
        match self.by {
            By::Waits(seconds) => scene.pause(seconds)?,
            By::Graceful(_) => server.signal(Signal::TERM)?,
            By::Crash => {}
            By::Signal(signal) => server.signal(Signal::from_named_raw(signal).context("a signal")?)?,
        }
        let mut claims = Claims::default();
        if !matches!(self.by, By::Waits(_)) {
            let status = scene.finish(&mut server, 60.0)?;
            let how = match (status.code(), status.signal()) {
                (Some(code), _) => format!("ended with status {code}"),
                (None, Some(signal)) => format!("was ended by signal {signal}"),
                (None, None) => bail!("the server ended in no known way: {status}"),
            };
            claims.quote("server's end", how);
        }
        // The client hears of it.
        scene.pause(1.0)?;
        claims.outcomes("the request under way", &client);
        if let Some(line) = server.text().lines().find(|line| line.starts_with("shutdown took")) {
            claims.quote("server", line);
        }
        Ok(claims)
    }

    pub(super) fn holds(&self, seen: &Observed, checks: &mut Checks) {
        match &self.holds {
            Holds::CountsFromTheResponse => counts_from_the_response(seen, checks, self.takes),
            Holds::WaitsForIdleOnes => waits_for_idle_ones(seen, checks, self.takes),
            Holds::ClosesIdleOnes => closes_idle_ones(seen, checks, self.takes),
            Holds::WaitsForNobody => waits_for_nobody(seen, checks, self.takes),
            Holds::IsCutOff { cause, how } => is_cut_off(seen, checks, cause, how),
        }
    }
}

fn await_asked(scene: &Scene, client: &Program) -> Result<()> {
    for _ in 0..600 {
        if client.text().lines().any(|line| line == "asked") {
            return Ok(());
        }
        scene.pause(0.05)?;
    }
    bail!("the client does not ask; {}", client.said())
}

fn server<'a>(seen: &'a Observed, checks: &mut Checks) -> Option<&'a Endpoint> {
    let server = seen.endpoint(Side::Server, APP);
    checks.that("the report has the server", server.is_some(), server.map_or(0, |server| server.closes));
    server
}

/// The keep-alive timer starts when the response is done.
fn counts_from_the_response(seen: &Observed, checks: &mut Checks, takes: f64) {
    checks.same("the long request is answered", &seen.claims.count("the request under way", "200"), &1);
    let by_server = seen.captured(APP, "server-idle");
    checks.same("the server ends every connection idle, by the wire", &by_server, &(IDLE + 1));
    for role in [Side::Server, Side::Client] {
        let timer = seen.endpoint(role, APP).and_then(|endpoint| idle_timer(endpoint, Side::Server));
        checks.about(
            format!("the timer, seen by the {}", role.word()),
            timer.map(|timer| timer.seconds),
            CLOSES_AFTER,
            0.01,
        );
        let used_last = seen.closes(role, APP).find(|one| one.requests == Some(2));
        checks.about(
            format!("of the connection with the long request, idle at its end, seen by the {}", role.word()),
            used_last.and_then(|one| one.idle_seconds),
            CLOSES_AFTER,
            0.01,
        );
        let age = used_last.and_then(|one| one.age_seconds);
        checks.that(
            format!("its age is more than both times together, seen by the {}", role.word()),
            age > Some(takes + CLOSES_AFTER),
            shown(age),
        );
    }
}

/// What the server itself says that it took, seconds.
fn took(seen: &Observed) -> Option<f64> {
    let said = seen.claims.quoted("server")?;
    said.strip_prefix("shutdown took ")?.strip_suffix(" s")?.parse().ok()
}

fn waits_for_idle_ones(seen: &Observed, checks: &mut Checks, takes: f64) {
    checks.same("the request under way is answered", &seen.claims.count("the request under way", "200"), &1);
    let Some(server) = server(seen, checks) else { return };
    checks.same("idle connections that its listener left open", &server.exits.idle_left, &(IDLE + 1));
    checks.same("and that were closed with it", &server.exits.idle_closed, &0);
    let took = took(seen);
    let waited = server.exits.waited;
    checks.that("the shutdown waits for seconds, says the server", took > Some(takes + 1.0), shown(took));
    let apart = took.zip(waited).map(|(took, waited)| (took - waited).abs());
    checks.that("the report says how long it waited", apart.is_some_and(|apart| apart < 0.15), shown(waited));
    let advice = server.advice.iter().find(|one| one.text.contains("closeIdleConnections"));
    checks.that(
        "the advice is to close them",
        advice.is_some(),
        advice.map_or("none", |one| one.text.as_str()),
    );
    checks.about(
        "they end by the keep-alive timer",
        idle_timer(server, Side::Server).map(|timer| timer.seconds),
        CLOSED_AFTER,
        0.01,
    );
}

fn shown(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "not told".to_owned(), |seconds| format!("{seconds:.2} s"))
}

/// The idle ones go at once; the busy one falls idle when it is done, and waits for its timer then.
fn closes_idle_ones(seen: &Observed, checks: &mut Checks, takes: f64) {
    let Some(server) = shuts_down(seen, checks, IDLE + 1) else { return };
    let busy = seen.closes(Side::Server, APP).find(|one| one.requests == Some(2));
    checks.about(
        "the one that was busy is kept idle for the keep-alive time",
        busy.and_then(|one| one.idle_seconds),
        CLOSES_AFTER,
        0.01,
    );
    let (took, waited) = (took(seen), server.exits.waited);
    checks.that(
        "the shutdown waits for that, says the server",
        took > Some(takes + CLOSES_AFTER - AT_ONCE),
        shown(took),
    );
    let apart = took.zip(waited).map(|(took, waited)| (took - waited).abs());
    checks.that("the report says how long it waited", apart.is_some_and(|apart| apart < 0.15), shown(waited));
}

/// The idle ones go at once, and the busy one with its response.
fn waits_for_nobody(seen: &Observed, checks: &mut Checks, takes: f64) {
    let Some(server) = shuts_down(seen, checks, IDLE) else { return };
    let waited = server.exits.waited;
    checks.that(
        "no idle connection is left open for long",
        waited.is_none_or(|waited| waited < AT_ONCE),
        shown(waited),
    );
    let took = took(seen);
    let prompt = took.is_some_and(|took| took < takes + AT_ONCE);
    checks.that("the shutdown takes as long as the request, says the server", prompt, shown(took));
    checks.same("by the wire the busy one ends as announced", &seen.captured(APP, "completed"), &1);
    checks.same("and so it is told", &server.cause("announced"), &1);
}

/// What holds of both: the request is answered, and what is idle then is closed with the listener. `idle`: how many ended idle
/// in all.
fn shuts_down<'a>(seen: &'a Observed, checks: &mut Checks, idle: u64) -> Option<&'a Endpoint> {
    checks.same("the request under way is answered", &seen.claims.count("the request under way", "200"), &1);
    let server = server(seen, checks)?;
    let stops = &server.exits;
    checks.same("connections that the shutdown ended idle", &(stops.idle_closed + stops.idle_left), &idle);
    // On a busy machine it may be taken off its processor between its listener and its connections.
    let (closed, told) = (stops.idle_closed, server.cause("shutdown"));
    checks.that(
        "idle connections are closed with the listener, for the cause `shutdown`",
        closed > 0 && closed == told,
        closed,
    );
    Some(server)
}

/// The process ended: the request under way is lost, idle connections are not.
fn is_cut_off(seen: &Observed, checks: &mut Checks, cause: &str, how: &str) {
    let hung_up = seen.claims.count("the request under way", "ECONNRESET");
    checks.same("the request under way fails", &hung_up, &1);
    checks.same("by the wire one is cut off", &seen.captured(APP, "premature-hangup"), &1);
    let Some(server) = server(seen, checks) else { return };
    checks.same("`premature-hangup` in the report", &server.verdict("premature-hangup"), &1);
    checks.same("`server-idle` in the report", &server.verdict("server-idle"), &IDLE);
    checks.same("of this cause", &server.cause(cause), &(IDLE + 1));
    let advice = server.advice.first();
    checks.that(
        "the report says how it ended",
        advice.is_some_and(|one| one.why.contains(how)),
        advice.map_or("none", |one| one.why.as_str()),
    );
}
