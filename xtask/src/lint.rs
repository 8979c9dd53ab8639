//! `cargo xtask lint`: everything that is checked without running the code.

use anyhow::{Context as _, Result, bail};

use crate::{
    chart, ebpf, process,
    report::Report,
    workspace::{self, Workspace},
};

const CARGO_DENY: &str = "cargo-deny";
const INSTALL_CARGO_DENY: &[&str] = &["install", CARGO_DENY, "--locked"];

pub(crate) fn command(workspace: &Workspace) -> Result<()> {
    let mut report = Report::new("lint");
    run(workspace, &mut report);
    report.finish()
}

pub(crate) fn run(workspace: &Workspace, report: &mut Report) {
    code(workspace, report);
    dependencies(workspace, report);
    report.step("manifest", || ebpf::check(workspace));
    if workspace::in_ci() || chart::can_be_checked(workspace) {
        report.step("chart", || {
            chart::provide(workspace)?;
            chart::check(workspace)
        });
    } else {
        report.skip("chart", "Helm is not here yet; `cargo xtask chart` installs it");
    }
    report.step("docs", || {
        process::run(
            workspace.cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
        )
    });
}

/// Format and clippy, of the probes too.
pub(crate) fn code(workspace: &Workspace, report: &mut Report) {
    report.step("format", || {
        process::run(workspace.cargo().args(["fmt", "--all", "--check"]))?;
        // No member, so that nothing is built against what the lab tries.
        let lab = workspace.root().join("tests/lab/programs/rust/Cargo.toml");
        process::run(workspace.cargo().args(["fmt", "--check", "--manifest-path"]).arg(lab))
    });
    report.step("clippy", || {
        process::run(workspace.cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    });
    let install = workspace::in_ci() && workspace::is_root();
    match ebpf::clippy_toolchain(install) {
        Ok(toolchain) => report.step("clippy: probes", || ebpf::clippy(workspace, toolchain)),
        Err(problem) if workspace::in_ci() => report.step("clippy: probes", || Err(problem)),
        Err(problem) => report.skip("clippy: probes", format!("{problem:#}")),
    }
}

/// Compiles cargo-deny unless it is there.
pub(crate) fn provide_cargo_deny(workspace: &Workspace) -> Result<()> {
    if has_cargo_deny(workspace) {
        return Ok(());
    }
    let target = workspace.target().join(CARGO_DENY);
    process::run(workspace.cargo().args(INSTALL_CARGO_DENY).env("CARGO_TARGET_DIR", target))
        .context("install cargo-deny")
}

fn dependencies(workspace: &Workspace, report: &mut Report) {
    const STEP: &str = "dependencies";
    let install = format!("cargo-deny is missing; install it: cargo {}", INSTALL_CARGO_DENY.join(" "));
    if has_cargo_deny(workspace) {
        // Not `advisories`: its database comes over the network, and lint works offline.
        report.step(STEP, || {
            process::run(workspace.cargo().args(["deny", "check", "licenses", "bans", "sources"]))
        });
    } else if workspace::in_ci() {
        report.step(STEP, || bail!("{install}"));
    } else {
        report.skip(STEP, install);
    }
}

fn has_cargo_deny(workspace: &Workspace) -> bool {
    process::output(workspace.cargo().args(["deny", "--version"])).is_ok()
}
