//! A running `dumpcap`: every segment of the lab's connections, into a file.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use harness::Program;

use crate::{
    catalogue::Need,
    kit::Kit,
    wiretap::{flow::Flow, read},
};

/// What a capture needs on the machine.
pub(crate) const NEEDS: [Need; 1] = [Need::Apt { package: "tshark", program: "tshark" }];

const READY_WITHIN: Duration = Duration::from_secs(30);
const DONE_WITHIN: Duration = Duration::from_secs(30);
/// The kernel hands packets over in blocks, at the latest after a quarter of a second; the machine may be busy.
const SETTLED: Duration = Duration::from_secs(1);
/// What goes on for longer than this is not waited for.
const AT_MOST: Duration = Duration::from_secs(10);
const KERNEL_BUFFER_MIB: &str = "128";

/// Where the connections are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The name of a network namespace (`ip netns`); `None` is the lab's own.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) interface: &'a str,
}

impl Place<'static> {
    pub(crate) const LOOPBACK: Self = Self { namespace: None, interface: "lo" };
}

/// Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Capture {
    dumpcap: Program,
    file: PathBuf,
}

/// What was captured.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) file: PathBuf,
    /// Packets that the kernel or dumpcap had to leave out. With any, what a flow shows may have a hole.
    pub(crate) dropped: u64,
}

impl Capture {
    /// Starts it and waits until it captures. `filter` is what pcap-filter(7) calls an expression: `Kit::filter` has
    /// all addresses that the kit gives out.
    pub(crate) fn start(kit: &Kit, place: Place<'_>, filter: &str) -> Result<Self> {
        let directory = kit.directory()?;
        let file = directory.join("wire.pcapng");
        let mut command = match place.namespace {
            None => kit.command("dumpcap"),
            Some(namespace) => {
                let mut command = kit.command("ip");
                command.args(["netns", "exec", namespace, "dumpcap"]);
                command
            }
        };
        command.args(["-q", "-n", "-p", "-i", place.interface, "-B", KERNEL_BUFFER_MIB, "-f", filter, "-w"]);
        command.arg(&file);
        let dumpcap = Program::start(&mut command, &directory, "dumpcap")?;
        let mut capture = Self { dumpcap, file };
        capture.await_ready().context("start a capture (package wireshark-common, as root)")?;
        Ok(capture)
    }

    /// It names its file when the device is open and the filter is in place.
    fn await_ready(&mut self) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        while !self.dumpcap.text().contains("File: ") {
            ensure!(self.dumpcap.ended()?.is_none(), "dumpcap ended: {}", self.dumpcap.said());
            ensure!(Instant::now() < until, "dumpcap does not begin: {}", self.dumpcap.said());
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Ends it when all that was sent has reached the file.
    pub(crate) fn finish(mut self) -> Result<Captured> {
        await_settled(&self.file)?;
        let status = self.dumpcap.interrupt(DONE_WITHIN).context("end a capture")?;
        ensure!(status.success(), "dumpcap ended with {status}: {}", self.dumpcap.said());
        let dropped = dropped(&self.dumpcap.text())?;
        Ok(Captured { file: self.file.clone(), dropped })
    }
}

impl Captured {
    /// Keeps it, and what the agent printed meanwhile, where [`crate::explain`] can read them.
    pub(crate) fn keep(&self, directory: &Path, printed: &str) -> Result<()> {
        let write = || {
            fs::create_dir_all(directory)?;
            fs::copy(&self.file, directory.join("wire.pcapng"))?;
            fs::write(directory.join("closes.ndjson"), printed)
        };
        write().with_context(|| format!("keep a capture in {}", directory.display()))
    }

    /// All connections in it, in the order in which they began.
    pub(crate) fn flows(&self, kit: &Kit) -> Result<Vec<Flow>> {
        read::flows(kit, self)
    }
}

/// Waits until a file grows no more.
fn await_settled(file: &Path) -> Result<()> {
    let began = Instant::now();
    let (mut size, mut since) = (size_of(file)?, Instant::now());
    while since.elapsed() < SETTLED && began.elapsed() < AT_MOST {
        thread::sleep(SETTLED / 10);
        let now = size_of(file)?;
        if now != size {
            (size, since) = (now, Instant::now());
        }
    }
    Ok(())
}

fn size_of(file: &Path) -> Result<u64> {
    Ok(fs::metadata(file).with_context(|| format!("look at {}", file.display()))?.len())
}

/// From dumpcap's last line: `Packets received/dropped on interface 'lo': 10/0 (pcap:0/...`.
fn dropped(said: &str) -> Result<u64> {
    let counts = said.lines().filter(|line| line.starts_with("Packets received/dropped")).map(|line| {
        let (_, counts) = line.rsplit_once("': ")?;
        let (_, dropped) = counts.split(' ').next()?.split_once('/')?;
        dropped.parse::<u64>().ok()
    });
    match counts.collect::<Vec<_>>()[..] {
        [Some(dropped)] => Ok(dropped),
        _ => bail!("dumpcap does not say what it dropped: {said:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dumpcap_dropped_is_read_from_its_last_line() {
        let said = "Capturing on 'Loopback: lo'\nFile: /x\n\rPackets captured: 12\nPackets received/dropped on interface \
                    'Loopback: lo': 12/3 (pcap:3/dumpcap:0/flushed:0/ps_ifdrop:0) (80.0%)\n";
        assert_eq!(dropped(said).unwrap(), 3);
        assert!(dropped("Packets captured: 12\n").is_err());
    }
}
