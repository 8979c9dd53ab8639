//! The project's own commands: `cargo xtask build-ebpf | test | lint | bench | lab | faults | fuzz | dashboards | chart | vm | dist | ci`.

mod bench;
mod chart;
mod ci;
mod dashboards;
mod debian;
mod dist;
mod ebpf;
mod faults;
mod fuzz;
mod lab;
mod lint;
mod packages;
mod process;
mod python;
mod report;
mod test;
mod vm;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Build, test and check whohungup.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile the kernel probes into `agent-ebpf/object/`.
    BuildEbpf(ebpf::Args),
    /// Run unit, doc and live tests (live tests need root).
    Test(test::Args),
    /// Check formatting, lints, dependencies, the probe object's manifest and the docs.
    Lint,
    /// Measure what the agent costs, with nginx (needs root).
    Bench(bench::Args),
    /// Hold the agent's verdicts against real servers and clients (needs root).
    Lab(lab::Args),
    /// Do to the daemon what may go wrong around it: full disks, dead logs, scanners, a full ring (needs root).
    Faults(faults::Args),
    /// Give arbitrary bytes to everything that reads bytes.
    Fuzz(fuzz::Args),
    /// Check the Grafana dashboards, and what they ask against a real Prometheus.
    Dashboards(dashboards::Args),
    /// Check the Helm chart with a real Helm and the schemas of Kubernetes; `--write` renews what is made of it.
    Chart(chart::Args),
    /// Boot Debian's kernels under qemu, and play `check` and `selftest` on each.
    Vm(vm::Args),
    /// Make the packages of a release in `target/packages`: .deb, .rpm, tarball, image, SBOM and checksums.
    Dist(dist::Args),
    /// Run everything CI runs: lint, probes built from source, all tests on them.
    Ci,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<()> {
    let workspace = Workspace::locate()?;
    match command {
        Command::BuildEbpf(args) => ebpf::command(&workspace, args),
        Command::Test(args) => test::command(&workspace, args),
        Command::Lint => lint::command(&workspace),
        Command::Bench(args) => bench::command(&workspace, args),
        Command::Lab(args) => lab::command(&workspace, args),
        Command::Faults(args) => faults::command(&workspace, args),
        Command::Fuzz(args) => fuzz::command(&workspace, args),
        Command::Dashboards(args) => dashboards::command(&workspace, args),
        Command::Chart(args) => chart::command(&workspace, args),
        Command::Vm(args) => vm::command(&workspace, args),
        Command::Dist(args) => dist::command(&workspace, args),
        Command::Ci => ci::command(&workspace),
    }
}
