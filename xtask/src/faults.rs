//! `cargo xtask faults`: what may go wrong around the daemon, done to it.

use anyhow::{Result, ensure};

use crate::{
    process,
    report::Report,
    workspace::{self, Workspace},
};

/// Faults among the agent's live tests: a log and an output that nobody takes, a hung observer, no /proc; kill -9, a full
/// disk; a ring that is too small; handshakes without an end; hostile bytes.
const LIVE: [&str; 5] = ["robust::", "record::", "ring::", "web::handshakes", "hostile::"];
/// A clock that is set: on a machine that others use too it cannot be, so the core is given one that jumps.
const CLOCK: &str = "clock";
const ALL_CONNECTS: &str = "1000000";
/// Of each of the record's ten rounds.
const ALL_CLOSES: &str = "100000";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Connects of the scanner; 100,000 in CI.
    #[arg(long, value_name = "N")]
    connects: Option<u32>,
    /// Only faults whose name contains this.
    filter: Option<String>,
}

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    ensure!(workspace::is_root(), "the daemon loads probes: run this as root");
    let mut report = Report::new("faults");
    // The lab's tests take the binary from here.
    report.step("build", || process::run(workspace.cargo().args(["build", "-p", "whohungup"])));
    report.step("lab: faults", || {
        let mut command = workspace.cargo();
        command.args(["test", "--workspace", "--test", "faults", "--", "--test-threads=1", "--nocapture"]);
        command.args(&args.filter);
        match args.connects {
            Some(connects) => drop(command.env("WHOHUNGUP_SCAN", connects.to_string())),
            None if !workspace::in_ci() => drop(command.env("WHOHUNGUP_SCAN", ALL_CONNECTS)),
            None => {}
        }
        process::run(&mut command)
    });
    if args.filter.is_none() {
        report.step("live: faults", || {
            let mut command = workspace.cargo();
            command.args(["test", "--workspace", "--test", "live", "--", "--test-threads=1", "--nocapture"]);
            if !workspace::in_ci() {
                command.env("WHOHUNGUP_RECORD_CLOSES", ALL_CLOSES);
            }
            process::run(command.args(LIVE))
        });
        report.step("core: clock", || {
            process::run(workspace.cargo().args(["test", "-p", "whohungup-core", "--lib", CLOCK]))
        });
    }
    report.finish()
}
