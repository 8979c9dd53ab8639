//! The linked object, checked for traces of the machine that built it.

use std::{borrow::Cow, collections::BTreeSet, path::PathBuf};

/// Directories that name somebody's machine, whoever built the object.
const PRIVATE: [&str; 4] = ["/home", "/root", "/tmp", "/Users"];

/// Printable strings of the object that name a directory of the build machine.
pub(crate) fn machine_paths(object: &[u8], directories: &[PathBuf]) -> BTreeSet<String> {
    let directories = directories.iter().map(|path| path.to_string_lossy());
    let directories: Vec<Cow<'_, str>> = directories.chain(PRIVATE.map(Cow::Borrowed)).collect();
    printable_strings(object)
        .filter(|text| directories.iter().any(|directory| names(text, directory)))
        .map(str::to_owned)
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

pub(crate) fn printable_strings(bytes: &[u8]) -> impl Iterator<Item = &str> {
    bytes
        .split(|byte| !matches!(byte, b' '..=b'~'))
        .filter(|run| run.len() >= 4)
        .filter_map(|run| str::from_utf8(run).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(object: &[u8], directory: &str) -> Vec<String> {
        machine_paths(object, &[directory.into()]).into_iter().collect()
    }

    #[test]
    fn finds_the_build_directory_and_private_directories_once() {
        let object = b"\x7fELF\0/srv/build/agent-ebpf/src/main.rs\0/home/me/x.rs\0/cargo/aya/src/lib.rs\0/home/me/x.rs";
        assert_eq!(found(object, "/srv/build"), ["/home/me/x.rs", "/srv/build/agent-ebpf/src/main.rs"]);
        assert!(found(b"\0aya-ebpf-0.2.1/src/lib.rs\0", "/srv/build").is_empty());
    }

    #[test]
    fn a_short_directory_counts_only_where_a_path_begins() {
        let object = b"/src/agent/main.rs\0/cargo/aya-ebpf-0.2.1/src/lib.rs\0/srcs/lib.rs\0at /src";
        assert_eq!(found(object, "/src"), ["/src/agent/main.rs", "at /src"]);
    }

    #[test]
    fn a_deeper_directory_counts_wherever_it_is() {
        let object = b"overflow/srv/build/src/main.rs\0/srv/builder/lib.rs";
        assert_eq!(found(object, "/srv/build"), ["overflow/srv/build/src/main.rs"]);
    }
}
