//! Lists the sockets that exist, with `iter/tcp`, in every network namespace.

use std::{collections::HashSet, fs::File, io::Read as _, thread};

use aya::programs::Iter;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::os::fd::AsFd as _;
use whohungup_ebpf::{
    decode::{Record, decode},
    event::{Clock, Keepalive, Transition},
};

use super::{
    error::{Cause, ProbeError},
    load::{Probes, program},
    namespaces::{self, Namespaces, ProcAccess},
};

pub(super) const PROGRAM: &str = "dump_sockets";

/// What one dump found.
#[derive(Debug, Default)]
pub struct SocketDump {
    pub sockets: Vec<Transition>,
    /// Of each of them, in the same order.
    pub keepalives: Vec<Keepalive>,
    /// The clock reading at the end of the first namespace.
    pub clock: Option<Clock>,
    /// Namespaces that could not be read, with the reason.
    pub failed: Vec<(u64, Cause)>,
    /// Namespaces whose every socket is in `sockets`, by inode number.
    pub namespaces: HashSet<u32>,
    /// What could be looked at to find the namespaces.
    pub processes: ProcAccess,
}

impl SocketDump {
    /// Every namespace was found, whether it could be read or not.
    pub fn is_complete(&self) -> bool {
        self.processes.is_complete()
    }
}

impl Probes {
    /// Lists every TCP socket on the host. The iterator shows the namespace that it is opened in, so
    /// a thread of its own visits each; those it may not enter are listed in [`SocketDump::failed`].
    ///
    /// # Errors
    /// When not even the agent's own namespace can be read.
    pub fn dump_sockets(&mut self) -> Result<SocketDump, ProbeError> {
        let mut dump = SocketDump::default();
        let own = namespace_id();
        let Namespaces { files, processes } = namespaces::all();
        dump.processes = processes;
        if own.is_none() {
            // Without /proc: the agent's own namespace at least, by whatever number its sockets have.
            let records =
                self.iterate(PROGRAM).map_err(|source| ProbeError::SocketDump { netns: 0, source })?;
            read(records, &mut dump).map_err(|source| ProbeError::SocketDump { netns: 0, source })?;
            dump.namespaces.extend(dump.sockets.iter().map(|socket| socket.netns));
        }
        for (netns, file) in files {
            let opened =
                if Some(netns) == own { self.iterate(PROGRAM) } else { self.iterate_in(PROGRAM, &file) };
            match opened.and_then(|records| read(records, &mut dump)) {
                Ok(()) => {
                    dump.namespaces.extend(u32::try_from(netns));
                }
                Err(source) if Some(netns) == own => return Err(ProbeError::SocketDump { netns, source }),
                Err(source) => dump.failed.push((netns, source)),
            }
        }
        Ok(dump)
    }

    pub(super) fn iterate_in(&mut self, name: &'static str, netns: &File) -> Result<File, Cause> {
        thread::scope(|scope| {
            let visitor = scope.spawn(|| {
                move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))
                    .map_err(|error| format!("cannot enter it: {error} (needs CAP_SYS_ADMIN)"))?;
                self.iterate(name)
            });
            visitor.join().unwrap_or_else(|_panic| Err("the visiting thread panicked".into()))
        })
    }

    pub(super) fn iterate(&mut self, name: &'static str) -> Result<File, Cause> {
        let program: &mut Iter = program(&mut self.ebpf, name)?;
        let id = program.attach()?;
        let link = program.take_link(id)?;
        Ok(link.into_file()?)
    }
}

/// Whether this process may enter the namespace, tried on a thread that ends with the trial.
pub(super) fn may_enter(netns: &File) -> bool {
    let enter = || move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network)).is_ok();
    thread::scope(|scope| scope.spawn(enter).join().unwrap_or(false))
}

/// The inode number of this thread's network namespace.
pub(super) fn namespace_id() -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Some(std::fs::metadata("/proc/thread-self/ns/net").ok()?.ino())
}

fn read(mut records: File, dump: &mut SocketDump) -> Result<(), Cause> {
    let mut bytes = Vec::new();
    records.read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (record, used) = decode(rest)?;
        match record {
            Record::Socket(socket) => {
                dump.sockets.push(socket.transition);
                dump.keepalives.push(socket.keepalive);
            }
            Record::Clock(clock) => {
                dump.clock.get_or_insert(*clock);
            }
            _ => return Err("the iterator sent a record that is not its own".into()),
        }
        rest = &rest[used..];
    }
    Ok(())
}
