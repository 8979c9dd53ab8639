//! A real client against the scripted server.

use std::{collections::BTreeMap, process::Command, thread, time::Duration};

use anyhow::{Result, bail};
use harness::Program;
use serde::Deserialize;

use crate::{
    backend::{Backend, Ended, Speaks},
    client_cases::{CASES, Case, Ender, Mode},
    kit::Kit,
    launch::{Launch, Setting},
    server_cases::Protocol,
    suite,
    truth::{Connection, Played, Row, Side},
    wire::SETTLE,
};

/// Cases of one client that run at once.
const AT_ONCE: usize = 3;

/// A short timeout may strike before the client is where it should be: then it is tried again.
const TRIES: usize = 3;

/// When a client with a timeout gives up.
const GIVES_UP: Duration = Duration::from_millis(600);

/// A piece of client software: plays/in_flight.toml says what the fields mean.
#[derive(Debug, Deserialize)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) software: Vec<String>,
    #[serde(flatten)]
    launch: Launch,
    #[serde(default)]
    protocol: Protocol,
    #[serde(default)]
    modes: BTreeMap<Mode, Vec<String>>,
    #[serde(default)]
    gives_up: Vec<String>,
    #[serde(default)]
    cannot: BTreeMap<Mode, Vec<Ender>>,
}

impl Client {
    fn row(&'static self) -> Row {
        Row { part: Side::Client, software: &self.name }
    }

    /// Plays every case that the client can be told.
    pub(crate) fn play(&'static self, kit: &Kit, wants: &(dyn Fn(&str) -> bool + Sync)) -> Played {
        let mut played = Played::default();
        let cases = if self.protocol == Protocol::Http2 { &CASES.http2 } else { &CASES.http1 };
        let cases = cases.iter().flat_map(|case| case.enders.iter().map(move |ender| (case, *ender)));
        let cases = cases.filter(|(case, ender)| self.can(case, *ender) && wants(&case.name(*ender)));
        if let Err(error) = self.launch.build(kit) {
            played.invalid(self.row(), "all", format_args!("{error:#}"));
            return played;
        }
        let ended = suite::at_once(AT_ONCE, cases, |(case, ender)| {
            let play = || self.play_case(kit, case, ender);
            let ended = match ender {
                Ender::Itself => (1..TRIES).find_map(|_| play().ok()).map_or_else(play, Ok),
                Ender::Kill | Ender::Peer => play(),
            };
            (case.name(ender), ended)
        });
        for (case, ended) in ended {
            match ended {
                Ok(all) => played.closes.extend(all),
                Err(error) => played.invalid(self.row(), &case, format_args!("{error:#}")),
            }
        }
        played
    }

    fn can(&self, case: &Case, ender: Ender) -> bool {
        !self.cannot.get(&case.mode).is_some_and(|enders| enders.contains(&ender))
    }

    /// What it is told in this case.
    fn command(&self, kit: &Kit, setting: &Setting, mode: Mode, gives_up: bool) -> Result<Command> {
        let mut launch = self.launch.clone();
        launch.run.extend(self.gives_up.iter().filter(|_| gives_up).cloned());
        launch.run.extend(self.modes.get(&mode).into_iter().flatten().cloned());
        launch.command(kit, setting)
    }

    fn play_case(&'static self, kit: &Kit, case: &'static Case, ender: Ender) -> Result<Vec<Connection>> {
        let speaks = if self.protocol == Protocol::Http2 {
            let calls = if case.mode == Mode::Pipeline { 2 } else { 1 };
            Speaks::Http2 { target: &case.target, calls }
        } else {
            Speaks::Http1
        };
        let mut backend = Backend::start(kit.free_address()?, speaks)?;
        let gives_up = ender == Ender::Itself;
        let limit = if gives_up { GIVES_UP } else { Duration::ZERO };
        let setting = Setting::new(kit, backend.at)?
            .with("mode", case.mode.word())
            .with("target", &case.target)
            .with("limit_ms", limit.as_millis())
            .with("limit_s", limit.as_secs_f64());
        let mut command = self.command(kit, &setting, case.mode, gives_up)?;
        let mut running = Program::start(&mut command, &setting.directory, "output")?;
        let server = backend.at;
        backend.await_phase(case.phase).map_err(|error| error.context(running.said()))?;
        if ender == Ender::Kill {
            thread::sleep(SETTLE);
        } else {
            backend.await_end()?;
        }
        if ender == Ender::Peer {
            // It may ask once more on another connection, which the script ends too.
            thread::sleep(SETTLE * 2);
        }
        running.kill();
        let closes = backend.finish()?;
        if !closes.iter().any(|ended| case.is_so(ender, &ended.truth)) {
            bail!("no connection ended so, but {closes:?}; {}", running.said());
        }
        let group = [Side::Client.word(), self.name.as_str()];
        let connection =
            |ended: Ended| Connection::here(case.name(ender), group, [ended.client, server], ended.truth);
        Ok(closes.into_iter().map(connection).collect())
    }
}
