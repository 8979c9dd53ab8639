//! One stage of a case: what is changed, the software that plays it, and what must hold.

use std::{
    fmt::Debug,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use harness::{Program, port::is_free, software::nginx};
use serde::{Deserialize, de::DeserializeOwned};
use testserver::SlowWire;

use super::{check::Checks, claims::Claims, observed::Observed};
use crate::{
    catalogue::{self, Need},
    kit::Kit,
    launch::{PROGRAMS, Setting, source_of},
    suite::own_namespace,
    wiretap::capture,
};

/// A stage has so many ports in a row.
pub(super) const PORTS: u16 = 10;

/// What plays/cases has of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stage {
    /// One word, as `--only` takes it.
    pub(super) name: String,
    pub(super) changed: String,
    pub(super) software: Vec<String>,
    #[serde(default)]
    pub(super) is_slow: bool,
    /// How it is played and what must hold, as its case reads it.
    play: toml::Value,
}

/// What a stage does.
pub(super) trait Act: Debug + Sync {
    /// Starts the software, asks, and returns when everything has come that is to come.
    fn play(&self, scene: &Scene) -> Result<Claims>;

    fn holds(&self, seen: &Observed, checks: &mut Checks);
}

/// Where a program runs. On loopback there is only one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Near,
    /// Beyond the slow wire.
    Far,
}

impl Stage {
    /// Its software, and what captures it.
    pub(super) fn needs(&self) -> Vec<Need> {
        [catalogue::needs(&self.software), capture::NEEDS.to_vec()].concat()
    }

    /// # Panics
    /// When this is not how the case's stages are played.
    pub(super) fn act<T: Act + DeserializeOwned + 'static>(&self) -> Box<dyn Act> {
        Box::new(self.play.clone().try_into::<T>().expect("a stage in plays/cases"))
    }
}

/// What a play has to work with.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) kit: &'a Kit,
    /// Configuration and logs of this stage.
    pub(super) directory: PathBuf,
    first_port: u16,
    wire: Option<SlowWire>,
    /// What the true times are divided by.
    scale: f64,
    stop: &'a AtomicBool,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        kit: &'a Kit,
        is_slow: bool,
        first_port: u16,
        scale: f64,
        stop: &'a AtomicBool,
    ) -> Result<Self> {
        for port in first_port..first_port + PORTS {
            // The agent tells endpoints apart by their ports: somebody else's would be counted with ours.
            ensure!(
                is_free((Ipv4Addr::UNSPECIFIED, port).into()),
                "port {port} is in use; end what listens there, such as another run of the same case"
            );
        }
        let wire = is_slow.then(|| SlowWire::start().context("make a slow wire")).transpose()?;
        Ok(Self { kit, directory: kit.directory()?, first_port, wire, scale, stop })
    }

    pub(super) fn port(&self, index: u16) -> u16 {
        self.first_port + index
    }

    pub(super) fn ports(&self) -> Vec<u16> {
        (0..PORTS).map(|index| self.port(index)).collect()
    }

    /// An address for a server: everybody can reach what is far, only who is near what is near.
    pub(super) fn at(&self, place: Place, index: u16) -> SocketAddr {
        let host = match (&self.wire, place) {
            (Some(_), Place::Far) => SlowWire::SERVER,
            _ => Ipv4Addr::LOCALHOST,
        };
        (host, self.port(index)).into()
    }

    /// `seconds` of the true case, in seconds of this play.
    pub(super) fn scaled(&self, seconds: f64) -> f64 {
        seconds / self.scale
    }

    /// What a program is told that listens at the stage's port of this index.
    pub(super) fn setting(&self, place: Place, index: u16) -> Setting {
        Setting::within(self.directory.clone(), self.at(place, index))
    }

    pub(super) fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        self.setting(Place::Near, 0).write(name, content)
    }

    /// nginx with this template, below `programs`.
    pub(super) fn nginx(&self, place: Place, setting: &Setting, template: &str) -> Result<Program> {
        let path = setting.write("nginx.conf", &setting.fill(&source_of(template)?))?;
        let command = nginx::in_foreground(self.kit.command("nginx"), &self.directory, &path);
        self.serve(place, command, "nginx", &[setting.at.port()])
    }

    /// A script, below `programs`, in this version of Node.
    pub(super) fn node(&self, version: &str, script: &str) -> Command {
        let mut command = Command::new(self.kit.module(version).join("bin/node"));
        command.env("NODE_PATH", self.kit.modules()).arg(Path::new(PROGRAMS).join(script));
        command
    }

    pub(super) fn start(&self, place: Place, mut command: Command, name: &str) -> Result<Program> {
        self.go(place, || Program::start(&mut command, &self.directory, name))
    }

    /// Starts it and waits until it listens at so many of `ports`.
    pub(super) fn serve(&self, place: Place, command: Command, name: &str, ports: &[u16]) -> Result<Program> {
        let mut program = self.start(place, command, name)?;
        self.go(place, || ports.iter().try_for_each(|port| program.await_bound(*port)))?;
        Ok(program)
    }

    /// Does something in a place.
    pub(super) fn go<T: Send>(&self, place: Place, act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let Some(wire) = &self.wire else { return act() };
        thread::scope(|scope| {
            let there = scope.spawn(|| {
                match place {
                    Place::Near => wire.enter_client(),
                    Place::Far => wire.enter_server(),
                }
                .context("go to an end of the wire")?;
                act()
            });
            there.join().map_err(|_panic| anyhow::anyhow!("a thread of the stage panicked"))?
        })
    }

    /// The network interface that all of the stage's connections between near and far go through.
    pub(super) fn interface(&self) -> &'static str {
        if self.wire.is_some() { SlowWire::DEVICE } else { "lo" }
    }

    /// The network namespaces of clients and of servers, by inode number.
    pub(super) fn namespaces(&self) -> Result<[u64; 2]> {
        let look = || Ok(own_namespace());
        Ok([self.go(Place::Near, look)?, self.go(Place::Far, look)?])
    }

    /// Waits, but not when everything is to end.
    pub(super) fn pause(&self, seconds: f64) -> Result<()> {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        loop {
            ensure!(!self.stop.load(Ordering::Relaxed), "interrupted");
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(Duration::from_millis(200)));
        }
    }

    /// Waits until the program has ended.
    pub(super) fn finish(&self, program: &mut Program, within: f64) -> Result<std::process::ExitStatus> {
        let until = Instant::now() + Duration::from_secs_f64(within);
        loop {
            if let Some(status) = program.ended()? {
                return Ok(status);
            }
            ensure!(Instant::now() < until, "after {within:.0} s it still runs; {}", program.said());
            self.pause(0.05)?;
        }
    }
}
