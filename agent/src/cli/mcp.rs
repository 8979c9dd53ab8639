//! Where a program that asks gets its answers.

use std::path::PathBuf;

use clap::Args;

use super::FromArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Example, in the configuration of a client:
  { \"mcpServers\": { \"whohungup\": { \"command\": \"whohungup\", \"args\": [\"mcp\"] } } }")]
pub struct McpArgs {
    /// The running daemon (`whohungup run`) that is asked
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9909")]
    pub from: String,

    #[command(flatten)]
    pub from_args: FromArgs,

    /// Directory of its record (`run --record`); without one only what the daemon keeps in memory is found
    #[arg(long, value_name = "DIR", default_value = "/var/lib/whohungup/record", env = "WHOHUNGUP_RECORD")]
    pub record: PathBuf,
}
