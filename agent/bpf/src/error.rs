//! What can go wrong between the agent and the kernel, each with its remedy.

use std::{error::Error, io, iter::successors};

use aya::programs::ProgramError;

use crate::{btf::BtfError, layout::LayoutError, load::kernel_release};

/// What another library or the system said.
pub type Cause = Box<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error(transparent)]
    Btf(#[from] BtfError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("cannot read the BPF object {path}")]
    ReadObject { path: String, source: io::Error },
    #[error("the BPF object {path} is not usable")]
    Object { path: String, source: Cause },
    #[error("no permission to load BPF programs; run as root, or with {needed}")]
    Permission { needed: &'static str },
    #[error("the kernel refused program `{program}`{verifier}")]
    Load { program: &'static str, verifier: String, source: Cause },
    #[error("cannot attach program `{program}`{remedy}")]
    Attach { program: &'static str, remedy: String, source: Cause },
    #[error("map `{0}` is missing in the BPF object; rebuild it with `cargo xtask build-ebpf`")]
    NoMap(&'static str),
    #[error("program `{0}` is missing in the BPF object; rebuild it with `cargo xtask build-ebpf`")]
    NoProgram(&'static str),
    #[error("map `{map}` cannot be read")]
    Map { map: &'static str, source: Cause },
    #[error(
        "no cgroup2 file system is mounted and it cannot be mounted; mount it (`mount -t cgroup2 none /sys/fs/cgroup/unified`) or go without the HTTP tier (`--http-inspection off`)"
    )]
    NoCgroup { source: io::Error },
    #[error("cannot list the sockets of network namespace {netns}")]
    SocketDump { netns: u64, source: Cause },
    #[error("--tls openssl needs the HTTP tier (`--http-inspection on`): it tells which sockets carry TLS")]
    TlsWithoutHttp,
    #[error("--tls openssl works on x86_64 only")]
    TlsArchitecture,
    #[error("--ring-bytes {0} is not a power of two and a multiple of the page size (at least 4096)")]
    RingBytes(u32),
}

/// The capabilities that loading needs.
pub(super) const NEEDED: &str = "the capabilities CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN";

/// What the verifier's log ends with after the reason for a refusal.
const LOG_TAIL: [&str; 3] = ["processed", "stack depth", "verification time"];

impl ProbeError {
    /// Keeps of the verifier's log the line that says why.
    pub(super) fn load(program: &'static str, error: ProgramError) -> Self {
        let ProgramError::LoadError { io_error, verifier_log } = error else {
            return Self::Load { program, verifier: String::new(), source: error.into() };
        };
        let log = verifier_log.to_string();
        tracing::debug!(program, %log, "verifier log");
        let is_reason =
            |line: &&str| !line.is_empty() && !LOG_TAIL.iter().any(|statistic| line.starts_with(statistic));
        let verifier = match log.lines().rev().find(is_reason) {
            Some(line) => format!(": {line} ({})", remedy(line, &kernel_release())),
            None if io_error.raw_os_error() == Some(libc::EPERM) => {
                return Self::Permission { needed: NEEDED };
            }
            None => String::new(),
        };
        Self::Load { program, verifier, source: io_error.into() }
    }

    pub(super) fn attach(program: &'static str, error: ProgramError) -> Self {
        let remedy =
            if is_denied(&error) { format!("; run as root, or with {NEEDED}") } else { String::new() };
        Self::Attach { program, remedy, source: error.into() }
    }

    pub(super) fn map(map: &'static str, error: impl Into<Cause>) -> Self {
        Self::Map { map, source: error.into() }
    }
}

/// Whether the system refused a call for want of privileges: EPERM or EACCES.
pub(super) fn is_denied(error: &(dyn Error + 'static)) -> bool {
    let refusal = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    successors(Some(error), |&error| error.source())
        .any(|error| error.downcast_ref::<io::Error>().is_some_and(refusal))
}

/// The oldest supported kernel (README.md).
const OLDEST: (u32, u32) = (6, 1);

/// What to do about a refusal: only one that nothing explains is a bug of these programs.
fn remedy(reason: &str, release: &str) -> String {
    const BEFORE_HELPER: [&str; 3] = ["unknown func ", "invalid func ", "cannot use helper "];
    let helper = BEFORE_HELPER.iter().find_map(|before| reason.split_once(before)).map(|(_, helper)| helper);
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
    let is_older = numbers.next().zip(numbers.next()).is_some_and(|version| version < OLDEST);
    if is_older {
        let (major, minor) = OLDEST;
        format!("kernel {release} is older than Linux {major}.{minor}, the oldest that is supported")
    } else if helper.is_some_and(|helper| helper.starts_with("bpf_probe_read")) {
        "lockdown=confidentiality forbids it".to_owned()
    } else {
        format!(
            "a bug of whohungup or of kernel {release}: please report it with the output of `RUST_LOG=debug`"
        )
    }
}

/// An error with its causes on one line; a cause that the error before it quotes is not said twice.
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_is_explained_is_no_bug() {
        let cookie = "unknown func bpf_get_socket_cookie#46";
        assert!(remedy(cookie, "5.10.0-46-cloud-amd64").contains("older than Linux 6.1"));
        assert!(remedy("number of funcs in func_info doesn't match", "5.15.0-91-generic").contains("older"));
        assert!(remedy("unknown func bpf_probe_read#4", "6.12.8-talos").contains("lockdown"));
        assert!(remedy(cookie, "6.18.0").contains("a bug"));
        assert!(remedy("R1 invalid mem access 'scalar'", "").contains("a bug"));
    }

    #[test]
    fn causes_are_in_the_chain_and_each_is_said_once() {
        let source = io::Error::from_raw_os_error(libc::ENOENT);
        let error = ProbeError::ReadObject { path: "x.o".to_owned(), source };
        assert!(error.source().is_some_and(<dyn Error>::is::<io::Error>));
        let text = "cannot read the BPF object x.o: No such file or directory (os error 2)";
        assert_eq!(one_line(&error), text);
        let quoted = ProbeError::Object { path: "x.o".to_owned(), source: "no maps".into() };
        let outer = ProbeError::map("EVENTS", quoted);
        assert_eq!(
            one_line(&outer),
            "map `EVENTS` cannot be read: the BPF object x.o is not usable: no maps"
        );
    }
}
