//! What a test needs and a machine may lack: outside CI a reason to skip, in CI a failure.

use std::{env, fmt, path::PathBuf, process::Command, sync::OnceLock};

/// Finds a program; if there is none, says so, and in CI panics.
pub fn program(name: &str) -> Option<PathBuf> {
    let found = find(name);
    if found.is_none() {
        skip(&format_args!("{name} is not installed"));
    }
    found
}

/// Finds a program, among those of administrators too.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let administration = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(administration).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// The system's own Python, where it has this library: others on PATH may lack it, or have OpenSSL built in.
pub fn python(library: &str) -> Option<PathBuf> {
    let python = PathBuf::from("/usr/bin/python3");
    let found = Command::new(&python).args(["-c", &format!("import {library}")]).output();
    if found.is_ok_and(|found| found.status.success()) {
        return Some(python);
    }
    skip(&format_args!("{} with the library {library} is not installed", python.display()));
    None
}

/// Clocks of the tests are compared with clocks of the kernel: what else the machine does should not come between. Holds
/// for the calling thread and for all that it starts.
const PRIORITY: i32 = -15;

/// Whether probes can be loaded here, which `refusal` tries: why not, if not. Says so; in CI it panics instead.
pub fn can_observe(refusal: impl FnOnce() -> Option<String>) -> bool {
    static REFUSAL: OnceLock<Option<String>> = OnceLock::new();
    // Not everybody who may load probes may do this.
    let _refused = rustix::process::setpriority_process(None, PRIORITY);
    let is_root = rustix::process::geteuid().is_root();
    let no_root = || Some("not root, and only root may load probes".to_owned());
    let refused = REFUSAL.get_or_init(|| if is_root { refusal() } else { no_root() });
    refused.as_ref().is_none_or(|why| skip(why))
}

/// Always false: the test cannot run here.
///
/// # Panics
/// In CI.
pub fn skip(why: &dyn fmt::Display) -> bool {
    assert!(env::var_os("CI").is_none(), "in CI nothing is skipped: {why}");
    eprintln!("skipped: {why}");
    false
}
