//! Ctrl-C and its like.

use std::sync::{Arc, atomic::AtomicBool};

use anyhow::Context as _;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

/// Set by the first SIGINT or SIGTERM; the second ends the process the hard way.
///
/// # Errors
/// When a handler cannot be installed.
pub fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&stopped))
            .context("install a signal handler")?;
        flag::register(signal, Arc::clone(&stopped)).context("install a signal handler")?;
    }
    Ok(stopped)
}

/// Set by each SIGHUP, which ends nothing any more.
///
/// # Errors
/// When a handler cannot be installed.
pub fn hangup_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    flag::register(SIGHUP, Arc::clone(&flag)).context("install a signal handler")?;
    Ok(flag)
}
