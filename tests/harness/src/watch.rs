//! `whohungup watch --json`, and what it says of each close.

use std::{
    collections::HashSet,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{Agent, Close, Closes, wait};

/// The slowest close to be reported is one that a pool leaves lying: 5 s.
const REPORTED_WITHIN: Duration = Duration::from_secs(30);

/// A running `watch`. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    agent: Agent,
    /// Of whose connections the closes are kept, where not of all.
    at: Vec<SocketAddr>,
    read: Mutex<Result<Closes>>,
}

impl Watch {
    /// Of all closes on the host.
    pub fn start(binary: &Path) -> Result<Self> {
        Self::at(binary, &[], &[])
    }

    /// Of what one of `at` is an end of, with more options.
    pub fn at(binary: &Path, at: &[SocketAddr], options: &[&str]) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["watch", "--json"]).args(at.iter().map(|at| format!("--port={}", at.port())));
        Ok(Self {
            agent: Agent::start(command.args(options))?,
            at: at.to_vec(),
            read: Mutex::new(Ok(Closes::default())),
        })
    }

    fn read(&self) -> MutexGuard<'_, Result<Closes>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in lines that were written.
    fn add(&self, lines: &[String]) {
        let mut read = self.read();
        for line in lines {
            if let Ok(closes) = &mut *read
                && let Err(error) = closes.add_line(line)
            {
                *read = Err(error);
            }
        }
    }

    /// Looks at what was said until now.
    pub fn look<T>(&self, at: impl FnOnce(&Closes) -> T) -> T {
        self.add(&self.agent.written());
        match &*self.read() {
            Ok(closes) => at(closes),
            // `finish` will say so.
            Err(_unreadable) => at(&Closes::default()),
        }
    }

    /// Waits until so many closes were reported of which this is true.
    pub fn wait_for(&self, count: usize, is_it: impl Fn(&Close) -> bool) -> Result<()> {
        wait::until(format_args!("{count} closes of a kind"), REPORTED_WITHIN, || {
            let found = self.look(|closes| closes.all().filter(|close| is_it(close)).count());
            Ok((found >= count).then_some(()))
        })
    }

    /// Ends it as Ctrl-C does. Returns all that it said, and its closing words.
    pub fn finish(self) -> Result<(Closes, Vec<String>)> {
        let Self { agent, at: _, read } = self;
        let ended = agent.interrupt()?.success()?;
        let mut closes = read.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        ended.stdout.iter().try_for_each(|line| closes.add_line(line))?;
        let notes = ended.stderr.lines().map(str::to_owned).collect();
        Ok((closes, notes))
    }

    /// Waits for `count` closes, ends it and makes sure that there were no others: each socket was reported exactly
    /// once. They come in the order in which they were told.
    pub fn closes(self, count: usize) -> Result<Vec<Close>> {
        ensure!(!self.at.is_empty(), "started without addresses");
        let is_ours = |close: &Close| self.at.iter().any(|&at| close.touches(at));
        let printed = self.look(|closes| closes.printed().to_owned());
        let parse = |line: &str| Close::parse(line);
        let mut closes = printed.lines().map(parse).collect::<Result<Vec<_>>>()?;
        closes.retain(is_ours);
        let until = Instant::now() + REPORTED_WITHIN;
        while closes.len() < count {
            let line = self.agent.next_line(until);
            let line = line.with_context(|| format!("{count} closes were wanted, not {closes:#?}"))?;
            closes.extend(Some(parse(&line)?).filter(is_ours));
        }
        let at = self.at;
        let ended = self.agent.interrupt()?.success()?;
        for line in &ended.stdout {
            let close = parse(line)?;
            closes.extend(Some(close).filter(|close| at.iter().any(|&at| close.touches(at))));
        }
        let sockets: HashSet<_> = closes.iter().map(Close::socket).collect();
        ensure!((closes.len(), sockets.len()) == (count, count), "not {count} sockets once: {closes:#?}");
        Ok(closes)
    }
}
