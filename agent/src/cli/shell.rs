//! What a shell and `man` are given.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::examples;

#[derive(Debug, Args)]
#[command(after_help = examples::COMPLETIONS)]
pub struct CompletionsArgs {
    /// The shell that is to complete
    pub shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = examples::MAN)]
pub struct ManArgs {
    /// Write `whohungup.1` and a page for each command there, instead of printing the first
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}
