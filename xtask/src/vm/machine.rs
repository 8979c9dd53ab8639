//! One run of qemu: from power on to power off.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{Arch, Guest};

#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) guest: &'a Guest,
    pub(super) kernel: PathBuf,
    pub(super) initrd: PathBuf,
    pub(super) log: PathBuf,
}

impl Machine<'_> {
    /// What the machine said on its serial line, and how long it ran.
    pub(super) fn run(&self, limit: Duration) -> Result<(String, Duration)> {
        let said = fs::File::create(&self.log).with_context(|| format!("create {}", self.log.display()))?;
        let complaints = said.try_clone().context("share the log")?;
        let started = Instant::now();
        eprintln!("booting {}: {}", self.guest, self.kernel.display());
        let mut machine = self
            .command()
            .stdin(Stdio::null())
            .stdout(said)
            .stderr(complaints)
            .spawn()
            .with_context(|| format!("start {}", self.guest.arch.qemu()))?;
        let status = loop {
            if let Some(status) = machine.try_wait().context("wait for qemu")? {
                break status;
            }
            if started.elapsed() > limit {
                machine.kill().context("end qemu")?;
                machine.wait().context("wait for qemu")?;
                bail!("it was not done after {} s", limit.as_secs());
            }
            thread::sleep(Duration::from_millis(100));
        };
        let log = fs::read(&self.log).with_context(|| format!("read {}", self.log.display()))?;
        let log = String::from_utf8_lossy(&log).into_owned();
        if !status.success() {
            bail!("qemu failed: {status}: {}", log.lines().next_back().unwrap_or_default());
        }
        Ok((log, started.elapsed()))
    }

    fn command(&self) -> Command {
        let (console, hardware): (_, &[&str]) = match self.guest.arch {
            Arch::Amd64 => ("ttyS0", &["-cpu", "max"]),
            // `max` would authenticate pointers, which takes most of the time of an emulated processor.
            Arch::Arm64 => ("ttyAMA0", &["-machine", "virt", "-cpu", "cortex-a72"]),
        };
        let lockdown = if self.guest.lockdown { " lockdown=confidentiality" } else { "" };
        let mut command = Command::new(self.guest.arch.qemu());
        command
            // There need not be a processor that virtualises; it gives the same verdicts, later.
            .args(["-accel", "tcg", "-m", "1500", "-smp", "2", "-nographic", "-no-reboot", "-nodefaults"])
            .args(["-serial", "stdio"])
            .args(hardware)
            .arg("-kernel")
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(&self.initrd)
            .arg("-append")
            .arg(format!("console={console} quiet panic=-1 mitigations=off rdinit=/init{lockdown}"));
        command
    }
}
