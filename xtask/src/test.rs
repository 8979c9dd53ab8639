//! `cargo xtask test`: unit and doc tests everywhere, live tests where root can load probes.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::{
    dashboards,
    debian::Apt,
    dist, lab, lint, packages, process,
    report::Report,
    vm,
    workspace::{self, Workspace},
};

/// The targets whose tests load probes, by package; in this order, as the lab's need the binary of the first.
const LIVE: [(&str, &str); 17] = [
    ("whohungup", "live"),
    ("whohungup", "alerts"),
    ("lab", "faults"),
    ("lab", "in_flight"),
    ("lab", "races"),
    ("lab", "timers"),
    ("lab", "matrix"),
    ("lab", "bursts"),
    ("lab", "false_alarms"),
    ("lab", "field"),
    ("lab", "workloads"),
    ("lab", "pools"),
    ("lab", "tls"),
    ("lab", "daemonset"),
    ("lab", "cures"),
    ("lab", "cases"),
    ("lab", "engines"),
];

/// Parts of the lab whose tests play what is not among Debian's packages of `packages`, as the lab is told them.
const LAB_SOFTWARE: [&[&str]; 8] = [
    &["field"],
    &["workloads"],
    &["pools", "--only", "PostgreSQL: ", "--only", "Redis: "],
    &["tls"],
    &["in-flight", "--only", "requests"],
    &["matrix", "--server", "nginx", "--client", "http.agent", "--client", "requests"],
    &["case-002", "--only", "crash"],
    &["engines"],
];

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Only name what the live tests miss, do not install it.
    #[arg(long)]
    no_install: bool,
    /// Only format, clippy and unit tests: two minutes.
    #[arg(long, conflicts_with = "no_install")]
    quick: bool,
    /// Run only the tests whose name contains this.
    filter: Option<String>,
}

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    let mut report = Report::new("test");
    if args.quick {
        lint::code(workspace, &mut report);
        report.step("unit", || {
            let mut command = workspace.cargo();
            command.args(["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--examples", "--"]);
            process::run(command.args(&args.filter))
        });
        return report.finish();
    }
    run(workspace, args, &mut report, &|_| {});
    report.finish()
}

/// Adds the test steps to a report; `customise` is applied to each cargo command.
pub(crate) fn run(workspace: &Workspace, args: &Args, report: &mut Report, customise: &dyn Fn(&mut Command)) {
    let filter = args.filter.as_deref();
    let live = live_plan(workspace::is_root(), workspace::in_ci());
    if live == Live::Run {
        report.step("packages", || packages::provide(Apt::detect().as_ref(), !args.no_install));
        if !args.no_install {
            report.step("lab software", || {
                LAB_SOFTWARE.iter().try_for_each(|play| lab::provide(workspace, play))
            });
        }
    }
    report.step("unit", || {
        let targets = ordinary_targets(&metadata(workspace)?);
        let mut command = workspace.cargo();
        command.args(["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--examples"]);
        for target in &targets {
            command.args(["--test", target]);
        }
        command.arg("--").args(filter);
        customise(&mut command);
        process::run(&mut command)
    });
    report.step("doc", || {
        let mut command = workspace.cargo();
        command.args(["test", "--workspace", "--no-fail-fast", "--doc", "--"]).args(filter);
        customise(&mut command);
        process::run(&mut command)
    });
    // A name asks for tests, of which the dashboards have none.
    if filter.is_none() && !dashboards::can_be_checked() && !workspace::in_ci() {
        report.skip("dashboards", "npm is missing");
    } else if filter.is_none() {
        report.step("dashboards", || {
            dashboards::check(workspace)?;
            if live == Live::Run { dashboards::live(workspace, customise) } else { Ok(()) }
        });
    }
    match live {
        Live::Run => {
            // First: the same path is then the ordinary binary's again.
            let mut built = None;
            report.step("static binary", || {
                built = Some(static_binary(workspace, customise)?);
                Ok(())
            });
            // As they are released, but for the binary, whose optimisation would take minutes.
            if let (Some(binary), None) = (&built, filter) {
                report.step("release packages", || dist::check_packages(workspace, binary));
                report.step("other kernels", || vm::check(workspace, binary));
            }
            for (package, target) in LIVE {
                report.step(format!("live: {package} {target}"), || {
                    let mut command = workspace.cargo();
                    // Not `-p`: with the features of one package alone, cargo would compile everything once more.
                    command
                        .args(["test", "--workspace", "--test", target, "--", "--test-threads=1"])
                        .args(filter);
                    command.env("RUST_TEST_THREADS", "1");
                    customise(&mut command);
                    process::run(&mut command)
                });
            }
        }
        Live::Skip(why) => report.skip("live", why),
        Live::Refuse(why) => report.step("live", || bail!("{why}, and CI must not skip them")),
    }
}

/// The agent as the image has it (deploy/Containerfile), at `target/static/whohungup`. Only the program itself is linked anew.
pub(crate) fn static_binary(workspace: &Workspace, customise: &dyn Fn(&mut Command)) -> Result<PathBuf> {
    let mut command = workspace.cargo();
    command.args([
        "rustc",
        "--package",
        "whohungup",
        "--bin",
        "whohungup",
        "--",
        "-C",
        "target-feature=+crt-static",
    ]);
    customise(&mut command);
    process::run(&mut command)?;
    let (built, kept) = (workspace.target().join("debug/whohungup"), kept_static(workspace));
    fs::create_dir_all(workspace.target().join("static")).context("make a folder for the static binary")?;
    fs::copy(&built, &kept).with_context(|| format!("copy {}", built.display()))?;
    Ok(kept)
}

pub(crate) fn kept_static(workspace: &Workspace) -> PathBuf {
    workspace.target().join("static/whohungup")
}

#[derive(Debug, PartialEq, Eq)]
enum Live {
    Run,
    Skip(&'static str),
    Refuse(&'static str),
}

fn live_plan(is_root: bool, in_ci: bool) -> Live {
    const NOT_ROOT: &str = "not root, and only root may load probes";
    match (is_root, in_ci) {
        (true, _) => Live::Run,
        (false, true) => Live::Refuse(NOT_ROOT),
        (false, false) => Live::Skip(NOT_ROOT),
    }
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    test: bool,
}

fn metadata(workspace: &Workspace) -> Result<Metadata> {
    let text = process::output(workspace.cargo().args(["metadata", "--no-deps", "--format-version=1"]))?;
    serde_json::from_str(&text).context("parse `cargo metadata`")
}

/// Names of all integration tests but the live ones, which cargo cannot be told to leave out.
fn ordinary_targets(metadata: &Metadata) -> Vec<String> {
    let mut names: Vec<_> = metadata
        .packages
        .iter()
        .flat_map(|package| package.targets.iter().map(move |target| (package, target)))
        .filter(|(_, target)| target.test && target.kind.iter().any(|kind| kind == "test"))
        .filter(|(package, target)| !LIVE.contains(&(package.name.as_str(), target.name.as_str())))
        .map(|(_, target)| target.name.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_tests_need_root_and_ci_must_not_skip_them() {
        assert_eq!(live_plan(true, false), Live::Run);
        assert_eq!(live_plan(true, true), Live::Run);
        assert!(matches!(live_plan(false, false), Live::Skip(_)));
        assert!(matches!(live_plan(false, true), Live::Refuse(_)));
    }

    #[test]
    fn live_tests_are_not_among_the_ordinary_ones() {
        let metadata: Metadata = serde_json::from_str(
            r#"{"packages": [
                {"name": "whohungup", "targets": [
                    {"name": "whohungup", "kind": ["lib"], "test": true},
                    {"name": "live", "kind": ["test"], "test": true},
                    {"name": "cli", "kind": ["test"], "test": true},
                    {"name": "manual", "kind": ["test"], "test": false}]},
                {"name": "testserver", "targets": [{"name": "closes", "kind": ["test"], "test": true}]}
            ]}"#,
        )
        .unwrap();

        assert_eq!(ordinary_targets(&metadata), ["cli", "closes"]);
    }
}
