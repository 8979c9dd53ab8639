//! `testserver serve`, a server that misbehaves to order, `testserver play`, connections whose endings are known, and
//! `testserver load`, a busy host.

mod load;
mod play;
mod serve;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve HTTP/1.1 with every timeout a flag and every misbehaviour a path.
    #[command(after_long_help = serve::PATHS)]
    Serve(serve::Options),
    /// Make a host busy with healthy connections, and with work for its processors.
    Load(load::Options),
    /// Play scripted connections and print what is true of each end of each close, one JSON object a line.
    Play(play::Options),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Serve(options) => serve::run(options),
        Command::Load(options) => load::run(&options),
        Command::Play(options) => play::run(&options),
    }
}
