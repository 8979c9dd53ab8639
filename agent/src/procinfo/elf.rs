//! What compiled an executable, from its ELF notes and sections. Nothing in it is trusted: every length is bounded,
//! and what does not fit says nothing.

use std::{fs::File, io, os::unix::fs::FileExt as _};

/// Program headers, section headers, bytes of notes, of section names and of compiler words that are read at most.
const MOST_HEADERS: u16 = 128;
const MOST_BYTES: u64 = 16 * 1024;

const PT_NOTE: u32 = 4;

/// Sections that only Go's linker makes. Its runtime cannot do without the table of functions.
const GO_SECTIONS: [&[u8]; 3] = [b".gopclntab\0", b".data.rel.ro.gopclntab\0", b".go.buildinfo\0"];

/// The language that an executable was compiled from, where that tells its HTTP library: `go` or `rust`.
pub(super) fn compiled_from(file: &File) -> Option<&'static str> {
    let header = Header::read(file)?;
    if header.has_go_note(file) {
        return Some("go");
    }
    header.named_in_sections(file)
}

/// Of the file header of a 64-bit little-endian executable.
struct Header {
    program_headers: (u64, u16, u16),
    section_headers: (u64, u16, u16),
    names: u16,
}

impl Header {
    fn read(file: &File) -> Option<Self> {
        let bytes: [u8; 64] = read_exactly(file, 0).ok()?;
        // Magic, 64 bits, little-endian.
        if bytes[..6] != *b"\x7fELF\x02\x01" {
            return None;
        }
        Some(Self {
            program_headers: (u64_at(&bytes, 32)?, u16_at(&bytes, 54)?, u16_at(&bytes, 56)?),
            section_headers: (u64_at(&bytes, 40)?, u16_at(&bytes, 58)?, u16_at(&bytes, 60)?),
            names: u16_at(&bytes, 62)?,
        })
    }

    /// A note by `Go`: the linker writes its build id in one.
    fn has_go_note(&self, file: &File) -> bool {
        let (at, size, count) = self.program_headers;
        (0..count.min(MOST_HEADERS)).any(|index| {
            let Some(header) = entry::<56>(file, at, size, index) else { return false };
            if u32_at(&header, 0) != Some(PT_NOTE) {
                return false;
            }
            let (Some(offset), Some(length)) = (u64_at(&header, 8), u64_at(&header, 32)) else {
                return false;
            };
            read_some(file, offset, length).is_some_and(|notes| notes_are_by_go(&notes))
        })
    }

    /// Go's linker makes sections of its own, rustc leaves its name among the compilers'.
    fn named_in_sections(&self, file: &File) -> Option<&'static str> {
        let (at, size, count) = self.section_headers;
        let names = entry::<64>(file, at, size, self.names)?;
        let names = read_some(file, u64_at(&names, 24)?, u64_at(&names, 32)?)?;
        for index in 0..count.min(MOST_HEADERS) {
            let header = entry::<64>(file, at, size, index)?;
            let name = usize::try_from(u32_at(&header, 0)?).ok()?;
            let name = names.get(name..).unwrap_or_default();
            if GO_SECTIONS.iter().any(|section| name.starts_with(section)) {
                return Some("go");
            }
            if name.starts_with(b".comment\0") {
                let words = read_some(file, u64_at(&header, 24)?, u64_at(&header, 32)?)?;
                if words.windows(6).any(|word| word == b"rustc ") {
                    return Some("rust");
                }
            }
        }
        None
    }
}

/// Whether the first of a segment's notes is Go's: length of the name, of the rest, type, name.
fn notes_are_by_go(notes: &[u8]) -> bool {
    u32_at(notes, 0) == Some(4) && u32_at(notes, 8) == Some(4) && notes.get(12..16) == Some(b"Go\0\0")
}

fn entry<const N: usize>(file: &File, at: u64, size: u16, index: u16) -> Option<[u8; N]> {
    if usize::from(size) < N {
        return None;
    }
    read_exactly(file, at.checked_add(u64::from(size) * u64::from(index))?).ok()
}

fn read_exactly<const N: usize>(file: &File, at: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

fn read_some(file: &File, at: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length.min(MOST_BYTES)).ok()?];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}
