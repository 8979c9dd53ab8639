//! Network namespaces of a test's own.
#![expect(clippy::missing_panics_doc, reason = "the tests cannot go on without them")]

use std::{
    fs::{self, File},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace with a name, as `ip netns` makes it, and its loopback device up.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    file: File,
}

impl Namespace {
    /// A cable: `device` here is the other end of `eth0` there. It is made where it belongs: neither end ever exists outside.
    pub fn join(&self, device: &str, other: &Self) {
        let peer = ["peer", "name", "eth0", "netns", other.name()];
        ip(&[&["-n", self.name(), "link", "add", device, "type", "veth"][..], &peer].concat());
    }

    pub fn make() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("whohungup-test-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        ip(&["netns", "add", &name]);
        let file = File::open(format!("/run/netns/{name}")).expect("open the namespace");
        let made = Self { name, file };
        ip(&["-n", &made.name, "link", "set", "lo", "up"]);
        made
    }

    /// Does something on a thread that lives in the namespace. Sockets made there stay there.
    pub fn within<T: Send>(&self, doing: impl FnOnce() -> T + Send) -> T {
        let visit = || {
            move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network)).expect("enter");
            doing()
        };
        thread::scope(|scope| scope.spawn(visit).join()).expect("what is done within succeeds")
    }

    /// As `ip -n` knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets what is under `/proc/sys/net` for this namespace alone.
    pub fn set(&self, name: &str, value: &str) {
        let path = format!("/proc/sys/net/{name}");
        self.within(|| fs::write(&path, value)).unwrap_or_else(|error| panic!("write {path}: {error}"));
    }

    /// Its inode number.
    pub fn id(&self) -> u64 {
        self.file.metadata().expect("namespace").ino()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.name]);
    }
}

/// Runs `ip`, which must succeed.
pub fn ip(args: &[&str]) {
    let status = Command::new("ip").args(args).status().expect("run ip");
    assert!(status.success(), "ip {args:?}: {status}");
}
