//! `whohungup config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{RunArgs, examples};
use crate::config::DEFAULT_FILE;

#[derive(Debug, Args)]
#[command(after_help = examples::CONFIG)]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration file; exits with 1 if `run` would refuse it
    Check(ConfigCheckArgs),
    /// Print every setting that `run` would have with these flags, and where it comes from
    Show(Box<RunArgs>),
}

#[derive(Debug, Args)]
pub struct ConfigCheckArgs {
    #[arg(default_value = DEFAULT_FILE)]
    pub file: PathBuf,
}
