//! The manifest beside the probe object: which sources and which tools made it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::compile::{PACKAGE, TARGET};
use crate::{process, workspace::Workspace};

const REBUILD: &str = "run `cargo xtask build-ebpf` and commit agent-ebpf/object";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) sources_sha256: String,
    pub(crate) object_sha256: String,
    pub(crate) rustc: String,
    pub(crate) llvm: String,
    pub(crate) bpf_linker: String,
}

impl Manifest {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("read {} ({REBUILD})", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("encode the manifest")?;
        fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))
    }

    pub(crate) fn same_tools(&self, other: &Self) -> bool {
        (&self.rustc, &self.llvm, &self.bpf_linker) == (&other.rustc, &other.llvm, &other.bpf_linker)
    }

    pub(crate) fn check_sources(&self, sources_sha256: &str) -> Result<()> {
        if self.sources_sha256 != sources_sha256 {
            bail!("the probe object is stale: it was built from other sources; {REBUILD}");
        }
        Ok(())
    }

    pub(crate) fn check_object(&self, object: &[u8]) -> Result<()> {
        if self.object_sha256 != sha256(object) {
            bail!("the probe object is not the one its manifest names; {REBUILD}");
        }
        Ok(())
    }
}

/// Hash over everything in the repository that decides what the probes compile to.
pub(crate) fn sources_sha256(workspace: &Workspace) -> Result<String> {
    let tree = process::output(
        workspace
            .cargo()
            .args(["tree", "--locked", "--package", PACKAGE, "--features", "probes", "--target", TARGET])
            .args(["--edges", "normal", "--prefix", "depth"]),
    )?;
    hash_crate(&workspace.ebpf_crate(), &compiled_packages(&tree).join("\n"))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The packages of a `cargo tree --prefix depth` that are compiled into the object, sorted. A macro counts, what it is
/// built from does not: a routine `cargo update` would make the object stale without changing it.
fn compiled_packages(tree: &str) -> Vec<&str> {
    let mut macro_depth = usize::MAX;
    let mut packages = Vec::new();
    for line in tree.lines() {
        let (depth, package) = line.split_at(line.bytes().take_while(u8::is_ascii_digit).count());
        let depth = depth.parse().unwrap_or(0);
        if depth > macro_depth {
            continue;
        }
        macro_depth = if package.contains("(proc-macro)") { depth } else { usize::MAX };
        if depth > 0 {
            packages.push(package.trim_end_matches(" (*)"));
        }
    }
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// Lengths go into the hash, so that no two lists of files can run together into the same bytes.
fn hash_crate(root: &Path, packages: &str) -> Result<String> {
    let mut files = vec![root.join("Cargo.toml")];
    collect_files(&root.join("src"), &mut files)?;
    files.sort();
    let mut hasher = Sha256::new();
    let mut add = |part: &[u8]| {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    for path in &files {
        add(path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes());
        add(&fs::read(path).with_context(|| format!("read {}", path.display()))?);
    }
    add(packages.as_bytes());
    Ok(hex(&hasher.finalize()))
}

fn collect_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let path = entry.with_context(|| format!("list {}", directory.display()))?.path();
        if path.is_dir() {
            collect_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const TREE: &str = "\
0whohungup-ebpf v0.1.0 (/srv/whohungup/agent-ebpf)
1aya-ebpf v0.2.1
2aya-ebpf-macros v0.2.0 (proc-macro)
3syn v2.0.117
4quote v1.0.45
2aya-ebpf-bindings v0.2.0
1aya-log-ebpf v0.2.0
2aya-ebpf v0.2.1 (*)
";

    fn hash_after(change: impl FnOnce(&Path), packages: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("src/probes")).unwrap();
        for (name, text) in [("Cargo.toml", "[package]"), ("src/lib.rs", "ab"), ("src/probes/main.rs", "cd")]
        {
            fs::write(root.join(name), text).unwrap();
        }
        change(root);
        hash_crate(root, packages).unwrap()
    }

    #[test]
    fn macros_count_and_what_they_are_built_from_does_not() {
        assert_eq!(
            compiled_packages(TREE),
            [
                "aya-ebpf v0.2.1",
                "aya-ebpf-bindings v0.2.0",
                "aya-ebpf-macros v0.2.0 (proc-macro)",
                "aya-log-ebpf v0.2.0"
            ]
        );
    }

    #[test]
    fn every_input_changes_the_hash_and_the_place_of_the_checkout_does_not() {
        let original = hash_after(|_| {}, "aya-ebpf v0.2.1");
        let write = |name: &'static str, text: &'static str| {
            hash_after(|root| fs::write(root.join(name), text).unwrap(), "aya-ebpf v0.2.1")
        };
        let hashes = [
            write("src/lib.rs", "abc"),
            write("src/probes/main.rs", "d"),
            write("src/other.rs", ""),
            write("Cargo.toml", "[package] # more"),
            hash_after(
                |root| fs::rename(root.join("src/lib.rs"), root.join("src/lab.rs")).unwrap(),
                "aya-ebpf v0.2.1",
            ),
            hash_after(|_| {}, "aya-ebpf v0.2.2"),
        ];
        assert_eq!(hash_after(|_| {}, "aya-ebpf v0.2.1"), original);
        assert_eq!(hashes.iter().chain([&original]).collect::<HashSet<_>>().len(), hashes.len() + 1);
    }

    #[test]
    fn a_manifest_reads_back_and_refuses_other_sources_and_another_object() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifest.json");
        let missing = Manifest::read(&path).unwrap_err();
        assert!(format!("{missing:#}").contains("cargo xtask build-ebpf"), "{missing:#}");

        let manifest = Manifest {
            sources_sha256: "1".to_owned(),
            object_sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned(),
            rustc: "rustc 1.96.0".to_owned(),
            llvm: "22.1.8".to_owned(),
            bpf_linker: "bpf-linker 0.13.0".to_owned(),
        };
        manifest.write(&path).unwrap();
        let manifest = Manifest::read(&path).unwrap();
        assert!(manifest.check_sources("1").is_ok() && manifest.check_object(b"abc").is_ok());
        assert!(manifest.check_sources("2").unwrap_err().to_string().contains("stale"));
        assert!(manifest.check_object(b"abd").unwrap_err().to_string().contains("is not the one"));
    }
}
