//! Running the BPF compiler so that its output depends on the sources and the tools alone.

use std::process::Command;

use super::tools::Toolchain;
use crate::workspace::Workspace;

pub(crate) const PACKAGE: &str = "whohungup-ebpf";
pub(crate) const BINARY: &str = "whohungup-probes";
pub(crate) const TARGET: &str = "bpfel-unknown-none";

const FLAGS: [&str; 3] = [
    // aya-ebpf would take the host's: the object must be the same wherever it is built. Only `pt_regs` differs
    // between architectures; the probes on OpenSSL read it, and the agent attaches them on x86_64 alone.
    "--cfg=bpf_target_arch=\"x86_64\"",
    // bpf-linker makes BTF out of the debug information; the DWARF is stripped afterwards.
    "-Cdebuginfo=2",
    "-Clink-arg=--btf",
];

/// Set here and not left to the workspace's release profile, which is the agent's.
const PROFILE: [(&str, &str); 9] = [
    ("CARGO_INCREMENTAL", "0"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "2"),
    ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "false"),
    ("CARGO_PROFILE_RELEASE_LTO", "false"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "false"),
    ("CARGO_PROFILE_RELEASE_STRIP", "none"),
    // No directory of this machine in the object.
    ("CARGO_PROFILE_RELEASE_TRIM_PATHS", "all"),
];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Build,
    Clippy,
}

/// `cargo build`, or clippy by its own program: cargo would take the first `cargo-clippy` on `PATH`.
pub(crate) fn cargo(workspace: &Workspace, toolchain: Toolchain, action: Action) -> Command {
    let (program, subcommand) = match action {
        Action::Build => ("cargo", "build"),
        Action::Clippy => ("cargo-clippy", "clippy"),
    };
    let mut command = toolchain.command(program);
    command
        .current_dir(workspace.root())
        .args([subcommand, "--locked", "--release", "-Zbuild-std=core", "-Ztrim-paths", "--target", TARGET])
        .args(["--package", PACKAGE, "--bin", BINARY, "--features", "probes", "--target-dir"])
        .arg(workspace.bpf_target())
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
        .envs(PROFILE);
    command
}
