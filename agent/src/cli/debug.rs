//! `whohungup debug`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{FILE_VARIABLE, FromArgs, HostArgs, examples};

#[derive(Debug, Args)]
#[command(after_help = examples::DEBUG)]
pub struct DebugArgs {
    #[command(subcommand)]
    pub command: DebugCommand,
}

#[derive(Debug, Subcommand)]
pub enum DebugCommand {
    /// Write what a bug report needs into one .tar.gz, without addresses, names and paths (docs/troubleshooting.md)
    Bundle(Box<BundleArgs>),
}

#[derive(Debug, Args)]
pub struct BundleArgs {
    /// Add the report, closes, metrics and warnings of a running daemon (`whohungup run`), such as http://127.0.0.1:9909
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,

    /// File to write; by default whohungup-debug-TIME.tar.gz in this directory. One that exists is left alone
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Keep addresses, names and paths as they are; by default each has a pseudonym, the same throughout the bundle
    #[arg(long)]
    pub no_redact: bool,

    /// The configuration file of the daemon, as for `run`
    #[arg(long, value_name = "FILE", env = FILE_VARIABLE)]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    pub from_args: FromArgs,

    #[command(flatten)]
    pub host: HostArgs,
}
