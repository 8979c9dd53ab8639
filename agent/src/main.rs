//! The command `whohungup`.

// `print!` and its like panic where nobody takes what they print.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;
use whohungup::{
    check,
    cli::{Cli, Command},
    manual, mcp, query, report, run, say, selftest, top, watch,
};
use whohungup_bpf::one_line;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new("warn"));
    // A log that cannot be written must not end what it tells of: reporting that failure would panic when it fails too.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false)
        .init();
    let outcome = match Cli::parse().command {
        Command::Watch(args) => watch::watch(&args).map(|()| ExitCode::SUCCESS),
        Command::Report(args) => report::report(&args).map(|()| ExitCode::SUCCESS),
        Command::Query(args) => query::query(&args).map(|()| ExitCode::SUCCESS),
        Command::Top(args) => top::top(&args).map(|()| ExitCode::SUCCESS),
        Command::Selftest(args) => selftest::selftest(&args),
        Command::Run(args) => run::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Mcp(args) => mcp::mcp(&args).map(|()| ExitCode::SUCCESS),
        Command::Completions(args) => manual::completions(&args).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => manual::man(&args).map(|()| ExitCode::SUCCESS),
        Command::Check(args) => check::check(&args),
    };
    outcome.unwrap_or_else(|error| {
        say(format_args!("whohungup: {}", one_line(error.as_ref())));
        ExitCode::FAILURE
    })
}
