//! `cargo xtask build-ebpf`: compiles the kernel probes and keeps the object with its manifest in git, so that
//! building the agent needs no BPF compiler.

mod compile;
mod linker;
mod lockfile;
mod manifest;
mod object;
mod rustc;
mod toolchain;
mod tools;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

pub(crate) use self::manifest::Manifest;
use self::{toolchain::Kind, tools::Tools};
use crate::workspace::Workspace;

pub(crate) const OBJECT: &str = "whohungup.bpf.o";
const MANIFEST: &str = "manifest.json";

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Compiler to use; by default the first of the two that is found.
    #[arg(long, value_enum)]
    toolchain: Option<Kind>,
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
    let size = fs::metadata(&built.object).context("measure the probe object")?.len();
    eprintln!("built {} ({size} bytes, sha256 {})", built.object.display(), built.manifest.object_sha256);
    Ok(())
}

/// Compiles the probes and puts the object and its manifest into `directory`.
pub(crate) fn build(
    workspace: &Workspace,
    wanted: Option<Kind>,
    install: bool,
    directory: &Path,
) -> Result<Built> {
    let sources_sha256 = manifest::sources_sha256(workspace)?;
    let tools = Tools::provide(workspace, wanted, install)?;
    eprintln!("{tools}");
    let compiled = compile::probes(workspace, &tools)?;
    ensure!(
        manifest::sources_sha256(workspace)? == sources_sha256,
        "the probe sources changed while they were compiled; run it again"
    );

    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let object = directory.join(OBJECT);
    let temporary = temporary_beside(&object);
    object::strip(&tools.objcopy, &compiled.file, &temporary)?;
    let bytes = fs::read(&temporary).with_context(|| format!("read {}", temporary.display()))?;
    let leaked = object::machine_paths(&bytes, &compiled.machine_paths);
    if !leaked.is_empty() {
        fs::remove_file(&temporary).context("remove the rejected probe object")?;
        bail!("the probe object names paths of this machine: {}", leaked.join(", "));
    }

    let manifest = Manifest {
        sources_sha256,
        object_sha256: manifest::sha256(&bytes),
        rustc: tools.toolchain.rustc.line.clone(),
        llvm: tools.toolchain.rustc.llvm.clone(),
        bpf_linker: tools.linker.to_string(),
    };
    fs::rename(&temporary, &object).with_context(|| format!("put {} in place", object.display()))?;
    manifest.write(&directory.join(MANIFEST))?;
    Ok(Built { object, manifest })
}

/// Fails when the object in git is not the one its manifest names, or was made from other sources.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let directory = object_directory(workspace);
    let manifest = Manifest::read(&directory.join(MANIFEST))?;
    manifest.check_sources(&manifest::sources_sha256(workspace)?)?;
    let object = directory.join(OBJECT);
    let bytes = fs::read(&object).with_context(|| format!("read {}", object.display()))?;
    manifest.check_object(&manifest::sha256(&bytes))?;
    eprintln!("the probe object is up to date (built by {})", manifest.rustc);
    Ok(())
}

/// Reads the manifest of the object in git.
pub(crate) fn committed(workspace: &Workspace) -> Result<Manifest> {
    Manifest::read(&object_directory(workspace).join(MANIFEST))
}

fn object_directory(workspace: &Workspace) -> PathBuf {
    workspace.ebpf_crate().join("object")
}

fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_accepts_a_matching_manifest_and_rejects_changed_sources_and_objects() {
        let directory = tempfile::tempdir().unwrap();
        let workspace = manifest::tests::sample_workspace(directory.path());
        let objects = object_directory(&workspace);
        fs::create_dir_all(&objects).unwrap();
        fs::write(objects.join(OBJECT), "object").unwrap();
        let manifest = Manifest {
            sources_sha256: manifest::sources_sha256(&workspace).unwrap(),
            object_sha256: manifest::sha256(b"object"),
            rustc: "rustc 1.96.0".to_owned(),
            llvm: "22.1.8".to_owned(),
            bpf_linker: "bpf-linker 0.13.0".to_owned(),
        };
        manifest.write(&objects.join(MANIFEST)).unwrap();
        check(&workspace).unwrap();

        fs::write(objects.join(OBJECT), "another object").unwrap();
        assert!(check(&workspace).unwrap_err().to_string().contains("is not the one"));

        fs::write(objects.join(OBJECT), "object").unwrap();
        fs::write(workspace.ebpf_crate().join("src/main.rs"), "fn changed() {}").unwrap();
        assert!(check(&workspace).unwrap_err().to_string().contains("stale"));
    }

    #[test]
    fn the_temporary_file_is_in_the_same_directory() {
        let temporary = temporary_beside(Path::new("/somewhere/whohungup.bpf.o"));

        assert_eq!(temporary.parent(), Some(Path::new("/somewhere")));
        assert_ne!(temporary, Path::new("/somewhere/whohungup.bpf.o"));
    }
}
