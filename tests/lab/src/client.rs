//! A real client against the scripted server.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
    time::Duration,
};

use anyhow::{Result, bail};
use harness::Program;

use crate::{
    backend::{Backend, Ended, Speaks},
    client_cases::{Case, Ender, HTTP1, HTTP2, Mode},
    kit::{Kit, Need},
    truth::{Close, Column, Phase, Played, Row, Side},
    wire::SETTLE,
};

/// Cases of one client that run at once.
const AT_ONCE: usize = 3;

/// A short time-out may strike before the client is where it should be: then it is tried again.
const TRIES: usize = 3;

/// When a client with a time-out gives up.
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
    /// It has a time-out.
    pub(crate) gives_up: bool,
}

impl Order<'_> {
    /// What the programs of the lab take: mode, server, target, time-out in milliseconds (0: none).
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
        let mut played = Played::default();
        let program = match (self.prepare)(kit) {
            Ok(program) => program,
            Err(error) => {
                played.stray(self.row(), "all", format_args!("{error:#}"));
                return played;
            }
        };
        let cases = if self.http2 { HTTP2 } else { HTTP1 };
        let cases = cases.iter().flat_map(|case| case.enders.iter().map(move |ender| (case, *ender)));
        let cases = cases.filter(|(case, ender)| self.can(case, *ender) && wants(&case.name(*ender)));
        let queue = Mutex::new(cases);
        let played = Mutex::new(played);
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some((case, ender)) = queue.lock().ok().and_then(|mut queue| queue.next()) {
                        let play = || self.play_case(kit, &program, case, ender);
                        let ended = match ender {
                            Ender::Itself => (1..TRIES).find_map(|_| play().ok()).map_or_else(play, Ok),
                            Ender::Kill | Ender::Peer => play(),
                        };
                        let Ok(mut played) = played.lock() else { return };
                        match ended {
                            Ok(closes) => played.closes.extend(closes),
                            Err(error) => {
                                played.stray(self.row(), &case.name(ender), format_args!("{error:#}"));
                            }
                        }
                    }
                });
            }
        });
        played.into_inner().unwrap_or_default()
    }

    fn can(&self, case: &Case, ender: Ender) -> bool {
        !self.cannot.iter().any(|(mode, enders)| *mode == case.mode && enders.contains(&ender))
    }

    fn play_case(&self, kit: &Kit, program: &Path, case: &Case, ender: Ender) -> Result<Vec<Close>> {
        let speaks = if self.http2 {
            let calls = if case.mode == Mode::Pipeline { 2 } else { 1 };
            Speaks::Http2 { target: case.target, calls }
        } else {
            Speaks::Http1
        };
        let mut backend = Backend::start(kit.free_address()?, speaks)?;
        let order = Order {
            program,
            mode: case.mode,
            server: backend.at,
            target: case.target,
            gives_up: ender == Ender::Itself,
        };
        let directory = kit.directory()?;
        let mut command = (self.command)(kit, &order);
        let mut running = Program::start(&mut command, &directory, "output")?;
        let server = backend.at;
        backend.await_phase(phase(case.column)).map_err(|error| error.context(running.said()))?;
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
        let is_it =
            |ended: &Ended| ended.expect.closer == ender.side() && Column::of(&ended.expect) == case.column;
        if !closes.iter().any(is_it) {
            bail!("no connection ended so, but {closes:?}; {}", running.said());
        }
        let close = |ended: Ended| Close {
            row: self.row(),
            case: case.name(ender),
            client: ended.client,
            server,
            expect: ended.expect,
        };
        Ok(closes.into_iter().map(close).collect())
    }
}

fn phase(column: Column) -> Phase {
    match column {
        Column::Unused => Phase::Unused,
        Column::Head => Phase::RequestHead,
        Column::Body => Phase::RequestBody,
        Column::Waiting | Column::Pipelined => Phase::Waiting,
        Column::Response => Phase::Response,
        Column::Idle => Phase::Idle,
        Column::Tunnel => Phase::Tunnel,
    }
}
