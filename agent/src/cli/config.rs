//! `whohungup config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{RunArgs, examples};

/// Read where it exists and no other is named.
pub const DEFAULT_FILE: &str = "/etc/whohungup/whohungup.toml";
/// The environment variable that names the file.
pub const FILE_VARIABLE: &str = "WHOHUNGUP_CONFIG";

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
