//! Case 000: egg (Node) on a function platform, where the second POST after a pause fails now and then.

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use super::{
    check::Checks,
    claims::Claims,
    egg::{Change, EGG, PLATFORM, configured},
    observed::{Observed, idle_timer},
    stage::{Act, Place, Scene},
};
use crate::truth::Side;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Play {
    Visit(Visit),
    Exits,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Visit {
    change: Change,
    /// Node's own time; since 20.18 it adds a second to what it announces.
    closes_after: f64,
    /// An object in egg's configuration, and what it must contain.
    configured: Option<[String; 2]>,
    #[serde(default)]
    is_cured: bool,
}

impl Act for Play {
    fn play(&self, scene: &Scene) -> Result<Claims> {
        match self {
            Self::Visit(visit) => visit.play(scene),
            Self::Exits => exit_in_requests(scene),
        }
    }

    fn holds(&self, seen: &Observed, checks: &mut Checks) {
        match self {
            Self::Exits => says_how_it_ended(seen, checks),
            Self::Visit(visit) if visit.is_cured => is_cured(seen, checks),
            Self::Visit(visit) => {
                if let Some([name, words]) = &visit.configured {
                    is_configured(seen, checks, name, words);
                }
                fails(seen, checks, visit.closes_after);
            }
        }
    }
}

const ROUNDS: u32 = 4;
/// Pauses of the visitors around the close, from this long before it on, in steps of so much; milliseconds.
const BEFORE: f64 = 100.0;
const STEP: f64 = 7.5;
const VISITORS: u32 = 16;
/// A visitor who is quicker.
const QUICK: f64 = 3_000.0;

impl Visit {
    fn play(&self, scene: &Scene) -> Result<Claims> {
        let running = self.change.start(scene)?;
        let pauses =
            (0..VISITORS).map(|number| 1000.0 * self.closes_after - BEFORE + STEP * f64::from(number));
        let mut command = scene.node("node-20", "cases/visitors.js");
        command.arg(format!("http://{}/orders", scene.at(Place::Near, PLATFORM))).arg(ROUNDS.to_string());
        command.args(pauses.chain([QUICK]).map(|pause| format!("{pause:.1}")));
        let mut visitors = scene.start(Place::Near, command, "visitors")?;
        let status = scene.finish(&mut visitors, 60.0)?;
        anyhow::ensure!(status.success(), "the visitors ended with {status}; {}", visitors.said());
        // Whoever closes idle connections does so now.
        scene.pause(scene.scaled(super::egg::HOLD) + 3.0)?;
        let mut claims = Claims::default();
        claims.outcomes("visitors, second POST", &visitors);
        let listener =
            running.egg_says("server.keepAliveTimeout").context("egg does not say what its listener has")?;
        claims.quote("egg's listener", listener);
        running.complain(&mut claims);
        if let Some([name, _]) = &self.configured {
            claims.quote(&format!("egg's `{name}`"), configured(scene, name)?);
        }
        Ok(claims)
    }
}

fn is_configured(seen: &Observed, checks: &mut Checks, name: &str, words: &str) {
    let found = seen.claims.quoted(&format!("egg's `{name}`")).unwrap_or("nothing");
    checks.that(format!("egg runs with this `{name}`"), found.contains(words), found);
}

/// Requests are lost, and it is the listener's keep-alive timer.
fn fails(seen: &Observed, checks: &mut Checks, seconds: f64) {
    let failed = seen.claims.count("visitors, second POST", "502");
    let lost: u64 = ["crossed", "unread", "stale"].iter().map(|kind| seen.captured(EGG, kind)).sum();
    checks.same("as many POSTs met the listener's FIN on the wire as visitors got a 502", &lost, &failed);
    checks.that(
        "some second POSTs fail, and not all",
        failed > 0 && failed < seen.claims.all("visitors, second POST"),
        format!("{failed} × 502"),
    );
    let (server, client) = (seen.endpoint(Side::Server, EGG), seen.endpoint(Side::Client, EGG));
    for (role, endpoint) in [("egg's listener", server), ("the platform", client)] {
        let Some(endpoint) = endpoint else {
            checks.that(format!("the report has {role}"), false, "not there");
            continue;
        };
        checks.same(
            format!("as many requests met an idle close, seen from {role}, as visitors got a 502"),
            &endpoint.lost,
            &failed,
        );
        let timer = idle_timer(endpoint, Side::Server);
        checks.about(
            format!("seen from {role}, the server closes idle connections after {seconds} s"),
            timer.map(|timer| timer.seconds),
            seconds,
            0.01,
        );
        checks.same(format!("the risk, seen from {role}"), &endpoint.risk.as_str(), &"losing");
    }
    let Some(server) = server else { return };
    let first = idle_timer(server, Side::Server).and_then(|timer| server.candidates(timer).first());
    let named = first.map_or("nobody".to_owned(), |first| {
        format!("{}: {}, {}", first.product, first.setting, first.likelihood)
    });
    checks.same("the setting is named", &named.as_str(), &"Node.js: server.keepAliveTimeout, named");
    let advice = server.advice.first();
    let found = advice.map_or("none".to_owned(), |one| one.text.clone());
    let holds = advice
        .is_some_and(|one| one.setting.as_deref() == Some("server.keepAliveTimeout") && one.urgency == "now");
    checks.that("the first advice is about `server.keepAliveTimeout`, now", holds, found);
}

fn is_cured(seen: &Observed, checks: &mut Checks) {
    let (all, fine) =
        (seen.claims.all("visitors, second POST"), seen.claims.count("visitors, second POST", "200"));
    checks.that("every second POST is answered", all > 0 && all == fine, format!("{fine} of {all}"));
    for (role, name) in [(Side::Server, "egg's listener"), (Side::Client, "the platform")] {
        let Some(endpoint) = seen.endpoint(role, EGG) else {
            checks.that(format!("the report has {name}"), false, "not there");
            continue;
        };
        checks.same(format!("requests lost, seen from {name}"), &endpoint.lost, &0);
        let by_server = idle_timer(endpoint, Side::Server).map(|timer| timer.count);
        checks.same(format!("idle closes by a timer of the server's, seen from {name}"), &by_server, &None);
        checks.same(format!("`server-idle`, seen from {name}"), &endpoint.verdict("server-idle"), &0);
        checks.about(
            format!("the platform's pool closes first, seen from {name}"),
            idle_timer(endpoint, Side::Client).map(|timer| timer.seconds),
            seen.scaled(super::egg::HOLD),
            0.01,
        );
        checks.same(format!("the risk, seen from {name}"), &endpoint.risk.as_str(), &"safe");
    }
}

/// The application's own request handlers end it: one from inside, one by a signal from outside.
fn exit_in_requests(scene: &Scene) -> Result<Claims> {
    let running = Change::default().start(scene)?;
    let mut claims = Claims::default();
    for (path, kill) in [("exit", false), ("wait", true)] {
        let worker = running.await_worker(scene)?;
        let mut command = scene.kit.command("curl");
        command.args(["-sS", "-o", "/dev/null", "-w", "outcome %{http_code}\n", "-d", "item=1"]);
        command.arg(format!("http://{}/orders/{path}", scene.at(Place::Near, PLATFORM)));
        let mut visitor = scene.start(Place::Near, command, path)?;
        if kill {
            scene.pause(1.0)?;
            let worker = i32::try_from(worker).ok().and_then(Pid::from_raw).context("find the worker")?;
            kill_process(worker, Signal::KILL).context("kill the worker")?;
        }
        scene.finish(&mut visitor, 20.0)?;
        claims.outcomes(
            if kill { "visitor of a process that is killed" } else { "visitor of a process that exits" },
            &visitor,
        );
        running.await_other_worker(scene, worker)?;
    }
    running.complain(&mut claims);
    claims.quote("egg's master", running.deaths().join("; "));
    Ok(claims)
}

fn says_how_it_ended(seen: &Observed, checks: &mut Checks) {
    for who in ["visitor of a process that exits", "visitor of a process that is killed"] {
        checks.same(who, &seen.claims.count(who, "502"), &1);
    }
    for (role, name) in [(Side::Server, "egg's listener"), (Side::Client, "the platform")] {
        let lost: Vec<_> = seen.closes(role, EGG).filter(|one| one.verdict == "premature-hangup").collect();
        checks.same(format!("`premature-hangup`, seen from {name}"), &lost.len(), &2);
        let right = lost.iter().filter(|one| one.closer == "server" && one.phase == "waiting").count();
        checks.same(format!("by the server while it owed a response, seen from {name}"), &right, &2);
    }
    let Some(server) = seen.endpoint(Side::Server, EGG) else { return };
    for cause in ["process-exit", "process-killed"] {
        checks.that(format!("the cause `{cause}` is told"), server.cause(cause) >= 1, server.cause(cause));
    }
    checks.same("no request is lost to an idle close", &server.lost, &0);
}
