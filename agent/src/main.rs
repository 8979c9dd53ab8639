//! The command `whohungup`.

// `print!` and its like panic where nobody takes what they print.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::{io::IsTerminal as _, process::ExitCode};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    filter::Targets,
    layer::{Layer as _, SubscriberExt as _},
    util::SubscriberInitExt as _,
};
use whohungup::{
    check, cli::Command, config, debug, manual, mcp, query, recent_warnings::RecentWarnings, report, run,
    say, selftest, top, watch,
};
use whohungup_bpf::one_line;

fn main() -> ExitCode {
    // A log that cannot be written must not end what it tells of: reporting that failure would panic when it fails too.
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(log.with_filter(log_filter()))
        .with(RecentWarnings.with_filter(LevelFilter::WARN))
        .init();
    let command = match config::parse(std::env::args_os().collect()) {
        Ok(cli) => cli.command,
        Err(error) => {
            say(format_args!("whohungup: {}", one_line(&error)));
            return ExitCode::FAILURE;
        }
    };
    let outcome = match command {
        Command::Watch(args) => watch::watch(&args).map(|()| ExitCode::SUCCESS),
        Command::Report(args) => report::report(&args).map(|()| ExitCode::SUCCESS),
        Command::Query(args) => query::query(&args).map(|()| ExitCode::SUCCESS),
        Command::Top(args) => top::top(&args).map(|()| ExitCode::SUCCESS),
        Command::Selftest(args) => selftest::selftest(&args),
        Command::Run(args) => run::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Mcp(args) => mcp::mcp(&args).map(|()| ExitCode::SUCCESS),
        Command::Debug(args) => debug::debug(&args).map(|()| ExitCode::SUCCESS),
        Command::Completions(args) => manual::completions(&args).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => manual::man(&args).map(|()| ExitCode::SUCCESS),
        Command::Config(args) => config::config(&args),
        Command::Check(args) => check::check(&args),
    };
    outcome.unwrap_or_else(|error| {
        say(format_args!("whohungup: {}", one_line(error.as_ref())));
        ExitCode::FAILURE
    })
}

/// What `RUST_LOG` asks for, such as `debug` or `whohungup=debug,warn`.
fn log_filter() -> Targets {
    let usual = Targets::new().with_default(LevelFilter::WARN);
    std::env::var("RUST_LOG").ok().and_then(|wanted| wanted.parse().ok()).unwrap_or(usual)
}
