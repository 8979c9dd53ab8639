//! What can go wrong between the agent and the kernel, each with its remedy.

use aya::programs::ProgramError;

use crate::{btf::BtfError, layout::LayoutError};

#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error(transparent)]
    Btf(#[from] BtfError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("cannot read the BPF object {path}: {reason}")]
    ReadObject { path: String, reason: std::io::Error },
    #[error("the BPF object {path} is not usable: {reason}")]
    Object { path: String, reason: String },
    #[error("no permission to load BPF programs; run as root, or with {needed}")]
    Permission { needed: &'static str },
    #[error("the kernel refused program `{program}`: {reason}{hint}")]
    Load { program: &'static str, reason: String, hint: &'static str },
    #[error("cannot attach program `{program}`: {reason}")]
    Attach { program: &'static str, reason: String },
    #[error("map `{0}` is missing in the BPF object; rebuild it with `cargo xtask build-ebpf`")]
    NoMap(&'static str),
    #[error("program `{0}` is missing in the BPF object; rebuild it with `cargo xtask build-ebpf`")]
    NoProgram(&'static str),
    #[error("map `{map}` cannot be read: {reason}")]
    Map { map: &'static str, reason: String },
    #[error(
        "no cgroup2 file system is mounted and it cannot be mounted: {reason}; mount it (`mount -t cgroup2 none /sys/fs/cgroup/unified`) or go without the HTTP tier (`--http-inspection off`)"
    )]
    NoCgroup { reason: String },
    #[error("cannot walk the sockets of network namespace {netns}: {reason}")]
    Walk { netns: u64, reason: String },
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
    /// Turns aya's load error into one line.
    pub(super) fn load(program: &'static str, error: &ProgramError) -> Self {
        if let ProgramError::LoadError { io_error, verifier_log } = error {
            let log = verifier_log.to_string();
            tracing::debug!(program, %log, "verifier log");
            let told = |line: &&str| {
                !line.is_empty() && !LOG_TAIL.iter().any(|statistic| line.starts_with(statistic))
            };
            let last = log.lines().rev().find(told);
            if io_error.raw_os_error() == Some(libc::EPERM) && last.is_none() {
                return Self::Permission { needed: NEEDED };
            }
            let hint = if last.is_some() {
                "; this is a bug: please report it with the output of `RUST_LOG=debug`"
            } else {
                ""
            };
            let reason = last.map_or_else(|| io_error.to_string(), |line| format!("{io_error}: {line}"));
            return Self::Load { program, reason, hint };
        }
        Self::Load { program, reason: chain(error), hint: "" }
    }

    pub(super) fn attach(program: &'static str, error: &ProgramError) -> Self {
        Self::Attach { program, reason: chain(error) }
    }
}

/// An error with its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
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
