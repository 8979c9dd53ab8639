//! Whether a part of the lab can be played here.

use std::env;

use lab::{cache, suite::Context};

/// With the agent of the same build, beside the test's directory; `None` where it cannot be tried, which has been said.
pub(crate) fn context() -> Option<Context> {
    if !rustix::process::geteuid().is_root() {
        skip("not root, and only root may load probes");
        return None;
    }
    let test = env::current_exe().expect("this test's own path");
    let agent = test.parent()?.parent()?.join("whohungup");
    if !agent.is_file() {
        skip("the agent is not built");
        return None;
    }
    Some(Context::new(agent, cache::directory().expect("a cache")))
}

/// The test cannot run here. In CI that is a failure.
pub(crate) fn skip(why: &str) {
    assert!(env::var_os("CI").is_none(), "in CI nothing is skipped: {why}");
    eprintln!("skipped: {why}");
}
