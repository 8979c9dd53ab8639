//! The linked object: stripped of DWARF, and checked for traces of the machine that built it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::process;

/// Directories that name somebody's machine, whoever built the object.
const PRIVATE: &[&str] = &["/home", "/root", "/tmp", "/Users"];

/// Copies an object without DWARF; BTF, which aya loads programs and maps by, stays.
pub(crate) fn strip(objcopy: &Path, from: &Path, to: &Path) -> Result<()> {
    process::run(Command::new(objcopy).arg("--strip-debug").arg(from).arg(to))
        .context("strip the probe object")
}

/// Printable strings of the object that name a directory of the build machine.
pub(crate) fn machine_paths(object: &[u8], directories: &[PathBuf]) -> Vec<String> {
    let directories: Vec<_> = directories.iter().map(|path| path.to_string_lossy()).collect();
    let names_machine = |text: &str| {
        directories.iter().map(AsRef::as_ref).chain(PRIVATE.iter().copied()).any(|path| names(text, path))
    };
    printable_strings(object)
        .filter(|text| names_machine(text))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// True when the text names this directory or something in it. A directory right under the root has to begin a path
/// there, since `/src` is also in the middle of many others; a deeper one may follow on another string unseparated,
/// as in constant data.
fn names(text: &str, directory: &str) -> bool {
    let is_deep = directory.matches('/').count() > 1;
    text.match_indices(directory).any(|(at, _)| {
        let begins = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c));
        let after = &text[at + directory.len()..];
        (is_deep || begins) && (after.is_empty() || after.starts_with('/'))
    })
}

fn printable_strings(bytes: &[u8]) -> impl Iterator<Item = String> {
    bytes
        .split(|byte| !matches!(byte, b' '..=b'~'))
        .filter(|run| run.len() >= 4)
        .map(|run| String::from_utf8_lossy(run).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_build_directory_and_private_directories() {
        let object =
            b"\x7fELF\0/srv/build/agent-ebpf/src/main.rs\0/home/me/x.rs\0/whohungup/src/lib.rs\0\x01";

        let found = machine_paths(object, &[PathBuf::from("/srv/build")]);

        assert_eq!(found, ["/home/me/x.rs", "/srv/build/agent-ebpf/src/main.rs"]);
    }

    #[test]
    fn renamed_paths_pass() {
        let object = b"\0/whohungup/agent-ebpf/src/main.rs\0/cargo/aya-ebpf-0.2.1/src/lib.rs\0";

        assert!(machine_paths(object, &[PathBuf::from("/srv/build")]).is_empty());
    }

    #[test]
    fn a_short_directory_counts_only_where_a_path_begins() {
        let object = b"/src/agent/main.rs\0/cargo/aya-ebpf-0.2.1/src/lib.rs\0/srcs/lib.rs\0at /src";

        let found = machine_paths(object, &[PathBuf::from("/src")]);

        assert_eq!(found, ["/src/agent/main.rs", "at /src"]);
    }

    #[test]
    fn a_deeper_directory_counts_wherever_it_is() {
        let object = b"overflow/srv/build/src/main.rs\0/srv/builder/lib.rs";

        let found = machine_paths(object, &[PathBuf::from("/srv/build")]);

        assert_eq!(found, ["overflow/srv/build/src/main.rs"]);
    }

    #[test]
    fn a_path_is_named_once() {
        let object = b"/tmp/a.rs\0/tmp/a.rs";

        assert_eq!(machine_paths(object, &[]), ["/tmp/a.rs"]);
    }
}
