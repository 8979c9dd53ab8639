//! The settings of `run`: a flag beats the environment, the environment beats the file, the file beats the default.
//!
//! What can be set is defined once, by the flags of `run`: the keys of the file are their long names, and what the file
//! says is put before clap as flags.

mod definition;
mod error;
mod file;
mod sample;
mod settings;
mod show;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser as _;

use crate::cli::{Cli, ConfigArgs, ConfigCommand};

pub use definition::Definition;
pub use error::{ConfigError, Problem};
pub use file::File;
pub use sample::sample;
pub use settings::{Setting, Settings, Source};

/// The command line, with what the configuration file adds to it.
///
/// # Errors
/// When the file cannot be read or used.
pub fn parse(args: Vec<OsString>) -> Result<Cli, ConfigError> {
    let settings = Settings::of(args)?;
    // Ends the process with a message that clap knows better, and after `--help`.
    Ok(Cli::parse_from(settings.command_line()))
}

/// `whohungup config`.
///
/// # Errors
/// When the file cannot be used, or the output cannot be written.
pub fn config(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ConfigCommand::Check(check) => show::check(check)?,
        ConfigCommand::Show(_) => show::show(&Settings::of(std::env::args_os().collect())?)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
