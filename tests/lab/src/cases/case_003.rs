//! Case 003: an upload by `ali-oss` whose body pauses, and which "the server" resets again and again.

mod upload;

use anyhow::Result;
use serde::Deserialize;

use super::{
    check::Checks,
    claims::Claims,
    observed::Observed,
    stage::{Act, Scene},
};
use crate::{
    report::{Endpoint, Timer},
    truth::Side,
};

use self::upload::{UPLOADS, Upload};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Play {
    upload: Upload,
    /// What ends the uploads; otherwise all are stored.
    fails: Option<Fails>,
}

/// A timeout that ends uploads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fails {
    /// What the client says, with `@ms@` for a minute of the true case, and which status nginx logs.
    client: String,
    server: String,
    side: Side,
    cause: String,
    clock: String,
    /// Of the true case.
    seconds: f64,
    /// Nobody sets it: it is so long at any scale.
    #[serde(default)]
    is_own: bool,
    /// How the knowledge of timeouts calls it.
    setting: String,
}

impl Act for Play {
    fn play(&self, scene: &Scene) -> Result<Claims> {
        self.upload.play(scene)
    }

    fn holds(&self, seen: &Observed, checks: &mut Checks) {
        let Some(fails) = &self.fails else { return are_stored(seen, checks) };
        let client = fails.client.replace("@ms@", &format!("{}", seen.scaled(60_000.0)));
        let count = |who, word| seen.claims.count(who, word);
        checks.same(format_args!("every upload fails: {client}"), &count("client", &client), &UPLOADS);
        let server = &fails.server;
        checks.same(format_args!("nginx logs {server} for each"), &count("server", server), &UPLOADS);
        is_reported(seen, checks, fails);
    }
}

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

/// What the agent says, at both ends.
fn is_reported(seen: &Observed, checks: &mut Checks, fails: &Fails) {
    let Fails { side, cause, clock, seconds, is_own, setting, .. } = fails;
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
        checks.same(format_args!("at the {at}: whose clock it is"), &found, &Some((*side, clock.as_str())));
        checks.about(format_args!("at the {at}: its time"), timer.map(|timer| timer.seconds), seconds, 0.01);
    }
    let advice = seen.endpoint(*side, 0).and_then(|one| one.advice.first());
    let named = advice.and_then(|advice| advice.setting.as_deref());
    checks.same("the setting to look at", &named, &Some(setting.as_str()));
}

/// The one that ended the most requests.
fn main_timer(endpoint: &Endpoint) -> Option<&Timer> {
    let in_body = endpoint.timers.iter().filter(|timer| timer.phase == "request-body");
    in_body.max_by_key(|timer| timer.count)
}
