//! `cargo xtask ci`: what must hold before a change lands, on probes compiled from source.

use anyhow::{Context as _, Result};

use crate::{
    debian::Apt,
    ebpf, lint,
    report::Report,
    test,
    workspace::{self, Workspace},
};

/// The agent and its tests take the probe object from here instead of the one in git.
const OBJECT_VARIABLE: &str = "WHOHUNGUP_BPF_OBJECT";

pub(crate) fn command(workspace: &Workspace) -> Result<()> {
    let mut report = Report::new("ci");
    if workspace::in_ci() {
        report.step("cargo-deny", || lint::provide_cargo_deny(workspace));
    }
    lint::run(workspace, &mut report);

    let mut fresh = None;
    report.step("build-ebpf", || {
        fresh = Some(build_fresh(workspace)?);
        Ok(())
    });
    match fresh {
        Some(built) => {
            report.step("object in git", || compare(workspace, &built));
            test::run(workspace, &test::Args::default(), &mut report, &|command| {
                command.env(OBJECT_VARIABLE, &built.object);
            });
        }
        None => report.skip("tests", "there are no fresh probes to test"),
    }
    report.finish()
}

fn build_fresh(workspace: &Workspace) -> Result<ebpf::Built> {
    let install = workspace::is_root() && Apt::detect().is_some();
    ebpf::build(workspace, None, install, &workspace.bpf_target().join("fresh"))
}

/// The sources must agree; the bytes may not, since another compiler version writes other ones.
fn compare(workspace: &Workspace, built: &ebpf::Built) -> Result<()> {
    let committed = ebpf::committed(workspace)?;
    committed.check_sources(&built.manifest.sources_sha256).context("compare the object in git")?;
    if committed.object_sha256 == built.manifest.object_sha256 {
        eprintln!("the object in git is the one its sources compile to");
    } else if committed.same_tools(&built.manifest) {
        eprintln!("warning: the same tools compiled another object than the one in git");
    } else {
        eprintln!(
            "the object in git was compiled by other tools ({}, {})",
            committed.rustc, committed.bpf_linker
        );
    }
    Ok(())
}
