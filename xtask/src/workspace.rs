//! Where things are: the workspace root, the target directory, cargo.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

/// The checked-out workspace that this xtask works on.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Finds the workspace at run time, so that a moved or cached xtask never works on another checkout.
    pub(crate) fn locate() -> Result<Self> {
        let current = env::current_dir().context("read the current directory")?;
        let start = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| current.clone(), PathBuf::from);
        let root = start
            .ancestors()
            .find(|directory| directory.join("agent-ebpf").is_dir() && directory.join("Cargo.toml").is_file())
            .with_context(|| format!("find the whohungup workspace above {}", start.display()))?;
        let root = fs::canonicalize(root).with_context(|| format!("resolve {}", root.display()))?;
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |target| current.join(target));
        Ok(Self { root, target })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Target directory of the probes, apart from the host's so that the two toolchains do not undo each
    /// other's work.
    pub(crate) fn bpf_target(&self) -> PathBuf {
        self.target.join("bpf")
    }

    pub(crate) fn ebpf_crate(&self) -> PathBuf {
        self.root.join("agent-ebpf")
    }

    /// The cargo that runs this xtask, in the workspace root.
    pub(crate) fn cargo(&self) -> Command {
        let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        command
    }
}

/// True where a skipped check must count as a failure.
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
