//! What each setting is, and who says so.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
};

use clap::{CommandFactory as _, parser::ValueSource};

use super::{
    ConfigError, Definition, File,
    definition::{file_flag, is_given, variable},
    file::Entry,
    show::toml,
};
use crate::cli::{Cli, FILE_VARIABLE};

/// A command line, and what a file adds to it.
#[derive(Clone, Debug)]
pub struct Settings {
    args: Vec<OsString>,
    /// Of `args`, those up to the flags.
    command: usize,
    file: Option<File>,
    definition: Definition,
}

/// Who says what a setting is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Flag,
    Environment(String),
    File(PathBuf, usize),
    Default,
    /// Nobody, and there is no default.
    Unset,
}

/// One setting, as it is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub key: String,
    pub values: Vec<String>,
    pub is_list: bool,
    pub source: Source,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(name) => write!(f, "environment, {name}"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
            Self::Unset => f.write_str("not set"),
        }
    }
}

/// As a line of a configuration file, with its source.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Source::Unset => write!(f, "# {} is not set", self.key),
            _ => write!(f, "{} = {}  # {}", self.key, self.value(), self.source),
        }
    }
}

impl Setting {
    /// As a configuration file has it.
    pub fn value(&self) -> String {
        if self.source == Source::Unset { "unset".to_owned() } else { toml(&self.values, self.is_list) }
    }
}

impl Settings {
    /// The file is read for `run` and for `config show`.
    ///
    /// # Errors
    /// When it cannot be read or used.
    pub fn of(args: Vec<OsString>) -> Result<Self, ConfigError> {
        let definition = Definition::new();
        let words: Vec<_> = args.iter().skip(1).take(2).map(|arg| arg.to_str().unwrap_or_default()).collect();
        let command = match words.as_slice() {
            ["run", ..] => 2,
            ["config", "show"] => 3,
            _ => return Ok(Self { command: args.len(), args, file: None, definition }),
        };
        let asks = |arg: &OsString| ["-h", "--help", "-V", "--version"].iter().any(|asked| arg == asked);
        let file = if args.iter().any(asks) {
            None
        } else {
            let named = file_flag(&args[command..]).or_else(|| std::env::var_os(FILE_VARIABLE));
            File::find(named.as_deref().map(Path::new), &definition)?
        };
        Ok(Self { args, command, file, definition })
    }

    /// Where the file is read from, if one is.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }

    /// What the file says and neither a flag nor the environment does.
    fn of_file(&self) -> impl Iterator<Item = &Entry> {
        let entries = self.file.iter().flat_map(|file| &file.entries);
        entries.filter(|entry| {
            let arg = self.definition.key(&entry.key);
            arg.is_some_and(|arg| !is_given(arg, &self.args[self.command..]) && variable(arg).is_none())
        })
    }

    /// The arguments, with those of the file before those that were given.
    pub fn command_line(&self) -> Vec<OsString> {
        let (command, flags) = self.args.split_at(self.command);
        let of_file = self.of_file().flat_map(Entry::flags);
        command.iter().cloned().chain(of_file).chain(flags.iter().cloned()).collect()
    }

    /// Every setting of `run`, in the order of its flags.
    ///
    /// # Errors
    /// When clap refuses them together.
    pub fn effective(&self) -> Result<Vec<Setting>, clap::Error> {
        let whole = Cli::command().try_get_matches_from(self.command_line())?;
        let mut matches = &whole;
        while let Some((_, inner)) = matches.subcommand() {
            matches = inner;
        }
        let setting = |arg: &clap::Arg| {
            let id = arg.get_id().as_str();
            let key = arg.get_long().unwrap_or(id).to_owned();
            let values = matches.get_raw(id).into_iter().flatten();
            let source = match matches.value_source(id) {
                None => Source::Unset,
                Some(ValueSource::EnvVariable) => {
                    Source::Environment(arg.get_env().unwrap_or_default().to_string_lossy().into_owned())
                }
                Some(ValueSource::CommandLine) => self.flag_or_file(&key),
                Some(_) => Source::Default,
            };
            Setting {
                key,
                values: values.map(OsStr::to_string_lossy).map(std::borrow::Cow::into_owned).collect(),
                is_list: super::definition::is_list(arg),
                source,
            }
        };
        Ok(self.definition.keys().map(setting).collect())
    }

    fn flag_or_file(&self, key: &str) -> Source {
        let entry = self.of_file().find(|entry| entry.key == key);
        match (entry, self.file()) {
            (Some(entry), Some(path)) => Source::File(path.to_owned(), entry.line),
            _ => Source::Flag,
        }
    }
}
