//! What a test needs and a machine may lack: outside CI a reason to skip, in CI a failure.

use std::{env, fmt, path::PathBuf, sync::OnceLock};

use whohungup::session::SessionOptions;
use whohungup_bpf::{ProbeError, Probes};

/// Whether the probes can be loaded here. Says why not; in CI it panics instead.
pub(crate) fn can_observe() -> bool {
    static REFUSAL: OnceLock<Option<String>> = OnceLock::new();
    let refusal = REFUSAL.get_or_init(|| {
        if !rustix::process::geteuid().is_root() {
            return Some("not root, and only root may load probes".to_owned());
        }
        match Probes::load(SessionOptions::default().load) {
            Ok(_) => None,
            Err(
                error @ (ProbeError::Permission { .. } | ProbeError::Btf(_) | ProbeError::NoCgroup { .. }),
            ) => Some(error.to_string()),
            Err(error) => panic!("the probes do not load: {error}"),
        }
    });
    refusal.as_ref().is_none_or(|why| skip(why))
}

/// Finds a program; if there is none, says so, and in CI panics.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let administration = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let found =
        env::split_paths(&path).chain(administration).map(|dir| dir.join(name)).find(|file| file.is_file());
    if found.is_none() {
        skip(&format_args!("{name} is not installed"));
    }
    found
}

/// Always false: the test cannot run here.
pub(crate) fn skip(why: &dyn fmt::Display) -> bool {
    assert!(env::var_os("CI").is_none(), "in CI nothing is skipped: {why}");
    eprintln!("skipped: {why}");
    false
}
