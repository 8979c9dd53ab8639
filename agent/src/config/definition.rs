//! What can be set: the flags of `run`.

use std::ffi::{OsStr, OsString};

use clap::{
    Arg, ArgAction, Command, CommandFactory as _,
    builder::{self, Resettable},
    error::ErrorKind,
};

use crate::cli::Cli;

/// The flag that names the file; no key of it.
const FILE_FLAG: &str = "config";
/// Names that are less alike are no slip of the pen.
const ALIKE: f64 = 0.75;

/// The flags of `run`, as clap has them.
#[derive(Clone, Debug)]
pub struct Definition(Command);

impl Definition {
    pub fn new() -> Self {
        let whole = Cli::command();
        let run = whole.get_subcommands().find(|command| command.get_name() == "run");
        Self(run.cloned().unwrap_or_default())
    }

    /// Each flag that is a key of the file, in the order of `--help`.
    pub fn keys(&self) -> impl Iterator<Item = &Arg> {
        self.0.get_arguments().filter(|arg| arg.get_long().is_some_and(|long| long != FILE_FLAG))
    }

    pub fn key(&self, name: &str) -> Option<&Arg> {
        self.keys().find(|arg| arg.get_long() == Some(name))
    }

    /// The key that `name` is most like.
    pub fn suggestion(&self, name: &str) -> Option<&str> {
        let name = name.to_lowercase().replace('_', "-");
        let alike = self.keys().filter_map(|arg| {
            let long = arg.get_long()?;
            Some((strsim::jaro_winkler(long, &name), long))
        });
        let (share, long) = alike.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
        (share >= ALIKE).then_some(long)
    }

    /// Why clap refuses these values of a flag.
    pub fn refusal(&self, name: &str, values: &[String]) -> Option<String> {
        let error = self.error(flags(name, values))?;
        // What depends on other flags is looked at with all of them together.
        let is_of_the_value = matches!(
            error.kind(),
            ErrorKind::InvalidValue
                | ErrorKind::ValueValidation
                | ErrorKind::ArgumentConflict
                | ErrorKind::TooManyValues
                | ErrorKind::WrongNumberOfValues
        );
        is_of_the_value.then(|| without_advice(&error.to_string()))
    }

    /// What clap says against these flags, whatever the environment has.
    fn error(&self, flags: Vec<OsString>) -> Option<clap::Error> {
        let run = self.0.clone().no_binary_name(true);
        let run = run.mut_args(|arg| arg.env(Resettable::<builder::OsStr>::Reset));
        run.try_get_matches_from(flags).err()
    }

    /// Why clap refuses all that a file says.
    pub fn refusal_of_all(&self, flags: Vec<OsString>) -> Option<String> {
        self.error(flags).map(|error| without_advice(&error.to_string()))
    }
}

impl Default for Definition {
    fn default() -> Self {
        Self::new()
    }
}

/// A flag takes several values.
pub(super) fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append) || arg.get_value_delimiter().is_some()
}

/// It takes none: it is true where it is given.
pub(super) fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// How a flag with these values is written.
pub(super) fn flags(name: &str, values: &[String]) -> Vec<OsString> {
    values.iter().map(|value| OsString::from(format!("--{name}={value}"))).collect()
}

/// What `args` say of the flag that names the file.
pub(super) fn file_flag(args: &[OsString]) -> Option<OsString> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let rest = arg.to_str().and_then(|arg| arg.strip_prefix("--")?.strip_prefix(FILE_FLAG));
        match rest {
            Some("") => return args.next().cloned(),
            Some(rest) if rest.starts_with('=') => return Some(rest[1..].into()),
            _ => {}
        }
    }
    None
}

/// Whether a flag is among `args`.
pub(super) fn is_given(arg: &Arg, args: &[OsString]) -> bool {
    let is_it = |given: &str| {
        if let Some(long) = given.strip_prefix("--") {
            let name = long.split('=').next().unwrap_or(long);
            let is_alias = || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name));
            return arg.get_long() == Some(name) || is_alias();
        }
        let short = given.strip_prefix('-').and_then(|short| short.chars().next());
        short.is_some() && arg.get_short() == short
    };
    args.iter().filter_map(|given| given.to_str()).any(is_it)
}

/// Its environment variable, where that is set.
pub(super) fn variable(arg: &Arg) -> Option<&OsStr> {
    arg.get_env().filter(|name| std::env::var_os(name).is_some())
}

/// Of an error of clap's, what is wrong: on one line, without how to get help.
fn without_advice(error: &str) -> String {
    let lines = error.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let words: Vec<_> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}
