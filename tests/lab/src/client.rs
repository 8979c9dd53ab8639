//! A real client against the scripted server.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Result, bail};
use harness::Program;

use crate::{
    backend::{Backend, Ended, Speaks},
    client_cases::{CASES, Case, Ender, Mode},
    kit::{Kit, Need},
    suite,
    truth::{Connection, Played, Row, Side},
    wire::SETTLE,
};

/// Cases of one client that run at once.
const AT_ONCE: usize = 3;

/// A short timeout may strike before the client is where it should be: then it is tried again.
const TRIES: usize = 3;

/// When a client with a timeout gives up.
pub(crate) const GIVES_UP: Duration = Duration::from_millis(600);

/// How a piece of client software is started and what it can do.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    /// HTTP/2 in clear text; otherwise HTTP/1.1.
    pub(crate) http2: bool,
    pub(crate) needs: &'static [Need],
    pub(crate) version: fn(&Kit) -> Result<String>,
    /// Compiles or writes its program.
    pub(crate) prepare: fn(&Kit) -> Result<PathBuf>,
    pub(crate) command: fn(&Kit, &Order) -> Command,
    /// What it cannot be told to do, by itself or at all.
    pub(crate) cannot: &'static [(Mode, &'static [Ender])],
}

/// What one run of a client is told.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    pub(crate) program: &'a Path,
    pub(crate) mode: Mode,
    pub(crate) server: SocketAddr,
    pub(crate) target: &'a str,
    /// It has a timeout.
    pub(crate) gives_up: bool,
}

impl Order<'_> {
    /// What the programs of the lab take: mode, server, target, timeout in milliseconds (0: none).
    pub(crate) fn tell<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let limit = if self.gives_up { GIVES_UP.as_millis() } else { 0 };
        command.args([self.mode.word(), &self.server.to_string(), self.target, &limit.to_string()])
    }
}

impl Client {
    fn row(&self) -> Row {
        Row { part: Side::Client, software: self.name }
    }

    /// Plays every case that the client can be told.
    pub(crate) fn play(&self, kit: &Kit, wants: &(dyn Fn(&str) -> bool + Sync)) -> Played {
        let played = Mutex::new(Played::default());
        let invalid = |case: &str, error: &anyhow::Error| {
            let mut played = played.lock().unwrap_or_else(PoisonError::into_inner);
            played.invalid(self.row(), case, format_args!("{error:#}"));
        };
        let cases = if self.http2 { &CASES.http2 } else { &CASES.http1 };
        let cases = cases.iter().flat_map(|case| case.enders.iter().map(move |ender| (case, *ender)));
        let cases = cases.filter(|(case, ender)| self.can(case, *ender) && wants(&case.name(*ender)));
        match (self.prepare)(kit) {
            Err(error) => invalid("all", &error),
            Ok(program) => suite::at_once(AT_ONCE, cases, |(case, ender)| {
                let play = || self.play_case(kit, &program, case, ender);
                let ended = match ender {
                    Ender::Itself => (1..TRIES).find_map(|_| play().ok()).map_or_else(play, Ok),
                    Ender::Kill | Ender::Peer => play(),
                };
                match ended {
                    Ok(all) => played.lock().unwrap_or_else(PoisonError::into_inner).closes.extend(all),
                    Err(error) => invalid(&case.name(ender), &error),
                }
            }),
        }
        played.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn can(&self, case: &Case, ender: Ender) -> bool {
        !self.cannot.iter().any(|(mode, enders)| *mode == case.mode && enders.contains(&ender))
    }

    fn play_case(
        &self,
        kit: &Kit,
        program: &Path,
        case: &'static Case,
        ender: Ender,
    ) -> Result<Vec<Connection>> {
        let speaks = if self.http2 {
            let calls = if case.mode == Mode::Pipeline { 2 } else { 1 };
            Speaks::Http2 { target: &case.target, calls }
        } else {
            Speaks::Http1
        };
        let mut backend = Backend::start(kit.free_address()?, speaks)?;
        let order = Order {
            program,
            mode: case.mode,
            server: backend.at,
            target: &case.target,
            gives_up: ender == Ender::Itself,
        };
        let directory = kit.directory()?;
        let mut command = (self.command)(kit, &order);
        let mut running = Program::start(&mut command, &directory, "output")?;
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
        let group = [Side::Client.word(), self.name];
        let connection =
            |ended: Ended| Connection::here(case.name(ender), group, [ended.client, server], ended.truth);
        Ok(closes.into_iter().map(connection).collect())
    }
}
