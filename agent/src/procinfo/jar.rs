//! The jars in a jar: an application that was packed with its libraries (Spring Boot, a war) shows only itself among
//! the open files. Nothing in it is trusted.

use std::{fs::File, os::unix::fs::FileExt as _};

/// The end of an archive, in which its directory is looked for: the record itself and a comment of some length.
const END: u64 = 22 + 1024;
/// Bytes of its directory and entries that are read at most.
const DIRECTORY: u64 = 1024 * 1024;
const ENTRIES: usize = 8192;

const END_MARK: &[u8] = b"PK\x05\x06";
const ENTRY_MARK: &[u8] = b"PK\x01\x02";
/// Length of an entry before its name.
const ENTRY: usize = 46;

/// Names of the jars within, from the archive's directory.
pub(super) fn jars_within(file: &File) -> Vec<String> {
    directory(file).map_or_else(Vec::new, |directory| jars_of(&directory))
}

fn directory(file: &File) -> Option<Vec<u8>> {
    let length = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    let end = read_at(file, length.saturating_sub(END), length.min(END))?;
    let mark = end.windows(END_MARK.len()).rposition(|window| window == END_MARK)?;
    let size = u64::from(number::<4>(&end, mark + 12)?);
    let at = u64::from(number::<4>(&end, mark + 16)?);
    read_at(file, at, size.min(DIRECTORY))
}

fn jars_of(directory: &[u8]) -> Vec<String> {
    let mut jars = Vec::new();
    let mut rest = directory;
    for _ in 0..ENTRIES {
        if !rest.starts_with(ENTRY_MARK) {
            break;
        }
        let lengths =
            [28, 30, 32].map(|at| number::<2>(rest, at).and_then(|length| usize::try_from(length).ok()));
        let [Some(name), Some(extra), Some(comment)] = lengths else { break };
        let Some(bytes) = rest.get(ENTRY..ENTRY + name) else { break };
        if bytes.ends_with(b".jar") {
            jars.push(String::from_utf8_lossy(bytes).into_owned());
        }
        let Some(next) = rest.get(ENTRY + name + extra + comment..) else { break };
        rest = next;
    }
    jars
}

fn read_at(file: &File, at: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}

/// A little-endian number of at most four bytes.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + N)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}
