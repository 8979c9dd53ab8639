//! `testserver serve`, a server that misbehaves to order, and `testserver play`, connections whose endings are known.

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
    /// Serve HTTP/1.1 with every time-out a flag and every misbehaviour a path.
    #[command(after_long_help = serve::PATHS)]
    Serve(serve::Options),
    /// Play scripted connections and print what is true of each end of each close, one JSON object a line.
    Play(play::Options),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Serve(options) => serve::run(options),
        Command::Play(options) => play::run(&options),
    }
}
