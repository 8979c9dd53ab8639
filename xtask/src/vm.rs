//! `cargo xtask vm`: boots Debian's kernels under qemu and plays `check` and `selftest` on each.

mod archive;
mod initrd;
mod machine;
mod result;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use self::{
    archive::Archive,
    machine::Machine,
    result::{Outcome, table},
};
use crate::{debian::Apt, process, test, workspace::Workspace};

/// 6.18 is what the live tests run on too; 5.10 is refused; lockdown also where resets have no reasons.
const ALL: [&str; 8] =
    ["5.10", "6.1", "6.1+lockdown", "6.12", "6.12+lockdown", "6.18", "7.3", "7.3+lockdown"];
/// The oldest that is supported, with and without what lockdown takes, and one whose resets have reasons.
const IN_CI: [&str; 3] = ["6.1", "6.1+lockdown", "6.12"];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Kernels such as `6.12`, `6.1+lockdown` or `6.12@arm64`; without one, all for x86-64.
    #[arg(value_name = "KERNEL")]
    guests: Vec<Guest>,
    /// A statically linked agent to play instead of one that is built now; for arm64 it is needed.
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// Play only scenarios whose name contains this.
    #[arg(long, value_name = "TEXT")]
    scenario: Option<String>,
    /// Seconds that one machine may take; arm64 gets four times as many.
    #[arg(long, value_name = "N", default_value_t = 300)]
    seconds: u64,
    /// Machines at a time; each keeps a processor busy.
    #[arg(long, value_name = "N", default_value_t = 1)]
    at_once: usize,
}

/// A kernel, and how it is booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guest {
    /// The first numbers of its version.
    line: String,
    arch: Arch,
    lockdown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    pub(crate) const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    const fn qemu(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    const fn qemu_package(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86",
            Self::Arm64 => "qemu-system-arm",
        }
    }
}

impl FromStr for Guest {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (rest, arch) = match text.split_once('@') {
            Some((rest, "arm64")) => (rest, Arch::Arm64),
            Some((rest, "amd64")) => (rest, Arch::Amd64),
            Some((_, other)) => bail!("`{other}` is neither amd64 nor arm64"),
            None => (text, Arch::Amd64),
        };
        let (line, lockdown) = match rest.split_once('+') {
            Some((line, "lockdown")) => (line, true),
            Some((_, other)) => bail!("`+{other}` is not `+lockdown`"),
            None => (rest, false),
        };
        ensure!(
            !line.is_empty() && line.split('.').all(|number| number.parse::<u32>().is_ok()),
            "`{line}` is not a version such as 6.12"
        );
        Ok(Self { line: line.to_owned(), arch, lockdown })
    }
}

impl fmt::Display for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lockdown = if self.lockdown { "+lockdown" } else { "" };
        write!(f, "{}{lockdown}@{}", self.line, self.arch.debian())
    }
}

/// Boots what CI boots.
pub(crate) fn check(workspace: &Workspace, agent: &Path) -> Result<()> {
    boot_all(workspace, &guests(&IN_CI)?, agent, None, Duration::from_mins(5), 2)
}

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    let guests = if args.guests.is_empty() { guests(&ALL)? } else { args.guests.clone() };
    let agent = match &args.agent {
        Some(agent) => agent.clone(),
        None => test::static_binary(workspace, &|_| {})?,
    };
    let limit = Duration::from_secs(args.seconds);
    boot_all(workspace, &guests, &agent, args.scenario.as_deref(), limit, args.at_once)
}

/// In the order of the machines, however long each takes.
fn run_all(machines: &[Machine<'_>], limit: Duration, at_once: usize) -> Vec<(Guest, Result<Outcome>)> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once.clamp(1, machines.len().max(1)) {
            scope.spawn(|| {
                while let Some((at, machine)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    machines.get(at).map(|machine| (at, machine))
                } {
                    let outcome = boot(machine, limit);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((
                        at,
                        machine.guest.clone(),
                        outcome,
                    ));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, ..)| *at);
    done.into_iter().map(|(_, guest, outcome)| (guest, outcome)).collect()
}

fn boot(machine: &Machine<'_>, limit: Duration) -> Result<Outcome> {
    let guest = machine.guest;
    let limit = if guest.arch == Arch::Arm64 { limit * 4 } else { limit };
    let outcome = machine.run(limit).and_then(|(log, took)| Outcome::parse(guest, &log, took));
    match &outcome {
        Ok(outcome) => eprintln!("{guest}: {}", outcome.line()),
        Err(error) => eprintln!("{guest}: {error:#}; see {}", machine.log.display()),
    }
    outcome
}

fn guests(words: &[&str]) -> Result<Vec<Guest>> {
    words.iter().map(|word| word.parse()).collect()
}

/// Installs qemu where that is wanted and may be done.
pub(crate) fn provide(arch: Arch) -> Result<()> {
    if process::find_program(arch.qemu(), &[]).is_some() {
        return Ok(());
    }
    let package = arch.qemu_package().to_owned();
    let apt = Apt::detect().with_context(|| format!("{} is missing; install {package}", arch.qemu()))?;
    apt.install(&[package], "to boot other kernels")
}

fn boot_all(
    workspace: &Workspace,
    guests: &[Guest],
    agent: &Path,
    scenario: Option<&str>,
    limit: Duration,
    at_once: usize,
) -> Result<()> {
    ensure!(agent.is_file(), "there is no agent at {}", agent.display());
    let dir = workspace.target().join("vm");
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    let archive = Archive::open(&dir)?;
    let mut prepared = Vec::new();
    for guest in guests {
        provide(guest.arch)?;
        let kernel = archive.kernel(&guest.line, guest.arch)?;
        let initrd = initrd::make(&archive, &kernel, guest, agent, scenario)?;
        prepared.push(Machine { guest, kernel: kernel.image, initrd, log: dir.join(format!("{guest}.log")) });
    }
    let outcomes = run_all(&prepared, limit, at_once);
    print!("{}", table(&outcomes));
    let bad: Vec<_> = outcomes
        .iter()
        .filter(|(guest, outcome)| !outcome.as_ref().is_ok_and(|outcome| outcome.is_right(guest)))
        .map(|(guest, _)| guest.to_string())
        .collect();
    ensure!(bad.is_empty(), "not as it must be: {}", bad.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine<'a>(guest: &'a Guest, dir: &Path) -> Machine<'a> {
        let none = dir.join("none");
        Machine { guest, kernel: none.clone(), initrd: none, log: dir.join("none/log") }
    }

    #[test]
    fn each_machine_is_run_once_and_the_table_keeps_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let guests = guests(&ALL).unwrap();
        let machines: Vec<_> = guests.iter().map(|guest| machine(guest, dir.path())).collect();
        for at_once in [0, 1, 3, 100] {
            let outcomes = run_all(&machines, Duration::ZERO, at_once);
            assert!(outcomes.iter().map(|(guest, _)| guest).eq(&guests), "{at_once}");
            assert!(outcomes.iter().all(|(_, outcome)| outcome.is_err()));
        }
    }

    #[test]
    fn a_guest_is_a_version_a_way_to_boot_and_an_architecture() {
        let guest: Guest = "6.1+lockdown@arm64".parse().unwrap();
        assert_eq!(guest, Guest { line: "6.1".to_owned(), arch: Arch::Arm64, lockdown: true });
        assert_eq!(guest.to_string(), "6.1+lockdown@arm64");
        for wrong in ["", "six", "6.1+fast", "6.1@mips"] {
            assert!(wrong.parse::<Guest>().is_err(), "{wrong}");
        }
        assert!(guests(&ALL).is_ok() && guests(&IN_CI).is_ok());
    }
}
