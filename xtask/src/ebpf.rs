//! `cargo xtask build-ebpf`: compiles the kernel probes and keeps the object with its manifest in git, so that
//! building the agent needs no BPF compiler.

mod compile;
mod manifest;
mod object;
mod tools;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

pub(crate) use self::manifest::{Manifest, sha256};
use self::tools::{Toolchain, Tools};
use crate::{debian::Apt, process, workspace::Workspace};

pub(crate) const OBJECT: &str = "whohungup.bpf.o";
const MANIFEST: &str = "manifest.json";

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Compiler to use; by default the first of the two that is found.
    #[arg(long, value_enum)]
    toolchain: Option<Toolchain>,
    /// Install what is missing (Debian packages and bpf-linker); needs root for the packages.
    #[arg(long)]
    install: bool,
    /// Only check that the object in git belongs to the sources; builds nothing.
    #[arg(long, conflicts_with_all = ["toolchain", "install"])]
    check: bool,
}

/// A freshly compiled object and what it was made from.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) object: PathBuf,
    pub(crate) manifest: Manifest,
}

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.check {
        return check(workspace);
    }
    let built = build(workspace, args.toolchain, args.install, &object_directory(workspace))?;
    eprintln!("built {} (sha256 {})", built.object.display(), built.manifest.object_sha256);
    Ok(())
}

/// Compiles the probes and puts the object and its manifest into `directory`.
pub(crate) fn build(
    workspace: &Workspace,
    wanted: Option<Toolchain>,
    install: bool,
    directory: &Path,
) -> Result<Built> {
    let sources_sha256 = manifest::sources_sha256(workspace)?;
    let tools = Tools::provide(workspace, wanted, install)?;
    eprintln!("{tools}");
    let linker_directory = tools.linker.path.parent().context("find the directory of bpf-linker")?;
    let mut build = compile::cargo(workspace, tools.toolchain, compile::Action::Build);
    process::run(build.env("PATH", process::path_with(linker_directory)?)).context("compile the probes")?;
    ensure!(
        manifest::sources_sha256(workspace)? == sources_sha256,
        "the probe sources changed while they were compiled; run it again"
    );

    let release = workspace.bpf_target().join(compile::TARGET).join("release");
    let (linked, stripped) = (release.join(compile::BINARY), release.join(OBJECT));
    // The DWARF goes; BTF, which aya loads programs and maps by, stays.
    process::run(Command::new(&tools.objcopy).arg("--strip-debug").arg(linked).arg(&stripped))?;
    let bytes = fs::read(&stripped).with_context(|| format!("read {}", stripped.display()))?;
    let homes = ["CARGO_HOME", "RUSTUP_HOME", "HOME"].iter().filter_map(env::var_os).map(PathBuf::from);
    let homes = homes.filter(|home| home.parent().is_some());
    let directories = [workspace.root().to_path_buf(), workspace.target().to_path_buf()];
    let leaked = object::machine_paths(&bytes, &directories.into_iter().chain(homes).collect::<Vec<_>>());
    ensure!(leaked.is_empty(), "the probe object names paths of this machine: {leaked:?}");

    let manifest = Manifest {
        sources_sha256,
        object_sha256: sha256(&bytes),
        bpf_linker: tools.linker.to_string(),
        rustc: tools.rustc,
        llvm: tools.llvm,
    };
    let object = directory.join(OBJECT);
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    fs::write(&object, &bytes).with_context(|| format!("write {}", object.display()))?;
    manifest.write(&directory.join(MANIFEST))?;
    Ok(Built { object, manifest })
}

/// Fails when the object in git is not the one its manifest names, or was made from other sources.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let manifest = committed(workspace)?;
    manifest.check_sources(&manifest::sources_sha256(workspace)?)?;
    let object = object_directory(workspace).join(OBJECT);
    manifest.check_object(&fs::read(&object).with_context(|| format!("read {}", object.display()))?)?;
    eprintln!("the probe object is up to date (built by {})", manifest.rustc);
    Ok(())
}

/// A compiler with clippy, installed where that is wished.
pub(crate) fn clippy_toolchain(install: bool) -> Result<Toolchain> {
    let apt = if install { Apt::detect() } else { None };
    tools::provide_toolchain(None, "cargo-clippy", apt.as_ref())
}

/// Runs clippy on the probes for the kernel; the host's clippy never sees them.
pub(crate) fn clippy(workspace: &Workspace, toolchain: Toolchain) -> Result<()> {
    process::run(compile::cargo(workspace, toolchain, compile::Action::Clippy).args(["--", "-D", "warnings"]))
}

/// Reads the manifest of the object in git.
pub(crate) fn committed(workspace: &Workspace) -> Result<Manifest> {
    Manifest::read(&object_directory(workspace).join(MANIFEST))
}

fn object_directory(workspace: &Workspace) -> PathBuf {
    workspace.ebpf_crate().join("object")
}
