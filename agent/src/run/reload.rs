//! SIGHUP: the settings are read again, and those that can change while the daemon runs do.

use std::{ffi::OsString, sync::mpsc::Sender};

use clap::Parser as _;

use super::{host::Allowed, observer::Ask};
use crate::{
    cli::{Cli, Command, RunArgs},
    config::{Setting, Settings},
};

/// What needs no restart (docs/configuration.md).
const LIVE: [&str; 5] = ["allowed-host", "bpf-stats", "idle-threshold", "long-lived", "overhead-budget"];

#[derive(Debug)]
pub(super) struct Reload {
    args: Vec<OsString>,
    /// What is in effect.
    known: Vec<Setting>,
    asks: Sender<Ask>,
    allowed: Allowed,
}

impl Reload {
    /// `args` are the program's own.
    pub(super) fn new(args: Vec<OsString>, asks: Sender<Ask>, allowed: Allowed) -> Self {
        // They were good enough to start with.
        let known = read(&args).map(|(known, _)| known).unwrap_or_default();
        Self { args, known, asks, allowed }
    }

    pub(super) fn reload(&mut self) {
        let (settings, run) = match read(&self.args) {
            Ok(read) => read,
            Err(error) => {
                return crate::say(format_args!("SIGHUP: every setting stays as it was: {error:#}"));
            }
        };
        let changes = changes(&self.known, &settings);
        if changes.is_empty() {
            crate::say(format_args!("SIGHUP: no setting has changed"));
        }
        for (setting, is_live) in &changes {
            let (key, value) = (&setting.key, setting.value());
            if *is_live {
                crate::say(format_args!("SIGHUP: {key} is {value} from now on"));
            } else {
                crate::say(format_args!("SIGHUP: {key} = {value} takes effect after a restart"));
            }
        }
        for (changed, _) in changes.into_iter().filter(|(_, is_live)| *is_live) {
            self.known.retain(|known| known.key != changed.key);
            self.known.push(changed);
        }
        self.allowed.set(run.allowed_host.clone());
        // An observer that has ended ends the daemon.
        let _ended = self.asks.send(Ask::Settings(run));
    }
}

fn read(args: &[OsString]) -> anyhow::Result<(Vec<Setting>, Box<RunArgs>)> {
    let settings = Settings::of(args.to_vec())?;
    let effective = settings.effective()?;
    match Cli::try_parse_from(settings.command_line())?.command {
        Command::Run(run) => Ok((effective, Box::new(run))),
        _ => anyhow::bail!("these are not the arguments of `run`"),
    }
}

/// What `newer` has that is otherwise in `known`, and whether it can change now.
fn changes(known: &[Setting], newer: &[Setting]) -> Vec<(Setting, bool)> {
    let is_known =
        |newer: &&Setting| known.iter().any(|known| known.key == newer.key && known.values == newer.values);
    let changed = newer.iter().filter(|newer| !is_known(newer));
    changed.map(|changed| (changed.clone(), LIVE.contains(&changed.key.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Definition;

    fn settings(words: &str) -> Vec<Setting> {
        let args = words.split(' ').map(OsString::from).collect::<Vec<_>>();
        read(&args).expect("settings").0
    }

    #[test]
    fn what_can_change_is_distinguished_from_what_cannot() {
        let known = settings("whohungup run --overhead-budget 2% --ring-bytes 4096");
        let newer = settings("whohungup run --overhead-budget 3% --ring-bytes 8192");
        let changed: Vec<_> =
            changes(&known, &newer).into_iter().map(|(setting, is_live)| (setting.key, is_live)).collect();
        assert_eq!(changed, [("overhead-budget".to_owned(), true), ("ring-bytes".to_owned(), false)]);
        assert!(changes(&known, &known).is_empty());
    }

    #[test]
    fn what_needs_no_restart_are_settings() {
        let definition = Definition::new();
        for key in LIVE {
            assert!(definition.key(key).is_some(), "{key}");
        }
    }
}
