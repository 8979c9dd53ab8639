//! A real browser: connections that it opens in case, and pages that are left.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Plays;
use crate::false_alarms::{
    stage::{Running, Served, Stage, serve},
    trap::{Claim, Played},
};

pub(super) const PLAYS: Plays = plays![preconnects, navigates_away,];

/// On a machine that is busy with other traps.
const BROWSED_WITHIN: Duration = Duration::from_secs(90);

fn site(stage: &Stage<'_>, other: &Served) -> Result<Served> {
    let setting = stage.setting(Some(other.at))?;
    let mut command = stage.node_script("site.js", include_str!("../../../programs/false_alarms/site.js"))?;
    let arguments = [setting.at.ip().to_string(), setting.at.port().to_string(), setting.backend.to_string()];
    serve(setting, {
        command.args(arguments);
        command
    })
}

fn browse(stage: &Stage<'_>, url: &str) -> Result<String> {
    let mut chromium = stage.kit.command("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    chromium.args([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
    ]);
    chromium.arg(format!("--user-data-dir={}", stage.kit.directory()?.display())).args(["--dump-dom", url]);
    Running::start(&mut chromium)?.finish(BROWSED_WITHIN)?.fine()
}

fn preconnects(stage: &Stage<'_>) -> Result<Played> {
    let other = stage.node(&[])?;
    let site = site(stage, &other)?;
    let page = browse(stage, &site.url("/preconnects"))?;
    ensure!(page.contains("hello"), "Chromium shows {page}");
    Ok(vec![
        Claim::at(other.at, &["client-idle", "completed"]).by("client").phases(&["unused"]).requests(0),
        Claim::at(site.at, &["client-idle", "completed"]).by("client").phases(&["idle", "unused"]),
    ]
    .into())
}

fn navigates_away(stage: &Stage<'_>) -> Result<Played> {
    let other = stage.node(&[])?;
    let site = site(stage, &other)?;
    let page = browse(stage, &site.url("/leaves"))?;
    ensure!(page.contains("hello"), "Chromium shows {page}");
    Ok(vec![
        Claim::at(other.at, &["premature-hangup"])
            .by("client")
            .phases(&["waiting"])
            .requests(0)
            .closes(1..=1),
        Claim::at(site.at, &["client-idle", "completed"]).by("client").phases(&["idle", "unused"]),
    ]
    .into())
}
