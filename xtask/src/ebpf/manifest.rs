//! The manifest beside the probe object: which sources and which tools made it.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::lockfile;
use crate::workspace::Workspace;

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
        let mut text = serde_json::to_string_pretty(self).context("encode the manifest")?;
        text.push('\n');
        let temporary = super::temporary_beside(path);
        fs::write(&temporary, text).with_context(|| format!("write {}", temporary.display()))?;
        fs::rename(&temporary, path).with_context(|| format!("put {} in place", path.display()))
    }

    pub(crate) fn same_tools(&self, other: &Self) -> bool {
        let Self { sources_sha256: _, object_sha256: _, rustc, llvm, bpf_linker } = self;
        (rustc, llvm, bpf_linker) == (&other.rustc, &other.llvm, &other.bpf_linker)
    }

    pub(crate) fn check_sources(&self, sources_sha256: &str) -> Result<()> {
        if self.sources_sha256 != sources_sha256 {
            bail!(
                "the probe object is stale: built from sources {}, they are {} now; {REBUILD}",
                short(&self.sources_sha256),
                short(sources_sha256)
            );
        }
        Ok(())
    }

    pub(crate) fn check_object(&self, object_sha256: &str) -> Result<()> {
        if self.object_sha256 != object_sha256 {
            bail!(
                "the probe object is not the one its manifest names: {} instead of {}; {REBUILD}",
                short(object_sha256),
                short(&self.object_sha256)
            );
        }
        Ok(())
    }
}

/// Hash over everything in the repository that decides what the probes compile to.
pub(crate) fn sources_sha256(workspace: &Workspace) -> Result<String> {
    let root = workspace.ebpf_crate();
    let manifest_path = root.join("Cargo.toml");
    let mut files = vec![manifest_path.clone()];
    collect_files(&root.join("src"), &mut files)?;

    let mut named = files
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap_or(path);
            let name = name.to_str().with_context(|| format!("name {} in UTF-8", path.display()))?;
            let content = fs::read(path).with_context(|| format!("read {}", path.display()))?;
            Ok((name.to_owned(), content))
        })
        .collect::<Result<Vec<_>>>()?;
    named.sort();

    let crate_manifest =
        fs::read_to_string(&manifest_path).with_context(|| format!("read {}", manifest_path.display()))?;
    let lock = fs::read_to_string(workspace.lockfile()?).context("read Cargo.lock")?;
    let dependencies = lockfile::probe_dependencies(&lock, &crate_manifest)?;
    named.push(("Cargo.lock".to_owned(), dependencies.join("\n").into_bytes()));

    Ok(hash_files(&named))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lengths go into the hash, so that no two lists of files can run together into the same bytes.
fn hash_files(files: &[(String, Vec<u8>)]) -> String {
    let mut hasher = Sha256::new();
    for (name, content) in files {
        for part in [name.as_bytes(), content] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hex(&hasher.finalize())
}

fn collect_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let entry = entry.with_context(|| format!("list {}", directory.display()))?;
        let path = entry.path();
        if path.is_dir() {
            collect_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A workspace with just what the hash reads.
    pub(in crate::ebpf) fn sample_workspace(root: &Path) -> Workspace {
        let ebpf = root.join("agent-ebpf");
        fs::create_dir_all(ebpf.join("src/probes")).unwrap();
        fs::write(ebpf.join("src/main.rs"), "fn main() {}").unwrap();
        fs::write(ebpf.join("src/probes/state.rs"), "// state").unwrap();
        fs::write(ebpf.join("Cargo.toml"), lockfile::tests::CRATE_MANIFEST).unwrap();
        fs::write(root.join("Cargo.lock"), lockfile::tests::LOCK).unwrap();
        Workspace::at(root)
    }

    fn hash_after(change: impl FnOnce(&Path)) -> String {
        let directory = tempfile::tempdir().unwrap();
        let workspace = sample_workspace(directory.path());
        change(directory.path());
        sources_sha256(&workspace).unwrap()
    }

    #[test]
    fn the_hash_does_not_depend_on_where_the_checkout_is() {
        assert_eq!(hash_after(|_| {}), hash_after(|_| {}));
    }

    #[test]
    fn every_input_changes_the_hash() {
        let original = hash_after(|_| {});
        let changed = [
            hash_after(|root| fs::write(root.join("agent-ebpf/src/main.rs"), "//").unwrap()),
            hash_after(|root| fs::write(root.join("agent-ebpf/src/probes/state.rs"), "//").unwrap()),
            hash_after(|root| {
                let src = root.join("agent-ebpf/src");
                fs::rename(src.join("main.rs"), src.join("other.rs")).unwrap();
            }),
            hash_after(|root| {
                let text = format!("{}# more\n", lockfile::tests::CRATE_MANIFEST);
                fs::write(root.join("agent-ebpf/Cargo.toml"), text).unwrap();
            }),
            hash_after(|root| {
                let text = lockfile::tests::LOCK.replace("0.2.1", "0.2.2");
                fs::write(root.join("Cargo.lock"), text).unwrap();
            }),
        ];

        assert!(changed.iter().all(|hash| *hash != original));
        assert_eq!(changed.iter().collect::<HashSet<_>>().len(), changed.len());
    }

    #[test]
    fn an_unrelated_locked_version_does_not_change_the_hash() {
        let bumped = hash_after(|root| {
            let text = lockfile::tests::LOCK.replace("1.0.228", "1.0.229");
            fs::write(root.join("Cargo.lock"), text).unwrap();
        });

        assert_eq!(bumped, hash_after(|_| {}));
    }

    #[test]
    fn the_border_between_two_files_counts() {
        let files = |parts: [&str; 4]| {
            let [first, one, second, two] = parts;
            [(first.to_owned(), one.into()), (second.to_owned(), two.into())]
        };

        assert_ne!(hash_files(&files(["a", "bc", "d", "e"])), hash_files(&files(["a", "b", "cd", "e"])));
    }

    #[test]
    fn sha256_is_the_standard_one() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_written_manifest_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifest.json");
        let manifest = Manifest {
            sources_sha256: "1".to_owned(),
            object_sha256: "2".to_owned(),
            rustc: "rustc 1.96.0".to_owned(),
            llvm: "22.1.8".to_owned(),
            bpf_linker: "bpf-linker 0.13.0".to_owned(),
        };

        manifest.write(&path).unwrap();

        assert_eq!(Manifest::read(&path).unwrap(), manifest);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_missing_manifest_says_how_to_make_it() {
        let error = Manifest::read(Path::new("/nonexistent/manifest.json")).unwrap_err();

        assert!(format!("{error:#}").contains("cargo xtask build-ebpf"), "{error:#}");
    }
}
