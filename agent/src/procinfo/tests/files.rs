//! Executables and jars, sound and hostile.

use std::{fs, path::Path};

use crate::procinfo::{elf, jar::jars_within};

const END_MARK: &[u8] = b"PK\x05\x06";

/// A jar with an empty entry of each name, none of them a class.
pub(super) fn jar(path: &Path, entries: &[&str]) {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for name in entries {
        let at = u32::try_from(bytes.len()).expect("small");
        let length = u16::try_from(name.len()).expect("short");
        // Version 10, stored, no time, no bytes.
        let common = [&[10, 0][..], &[0; 20], &length.to_le_bytes(), &[0; 2]].concat();
        bytes.extend([b"PK\x03\x04", &common[..], name.as_bytes()].concat());
        let tail = [&[0; 10][..], &at.to_le_bytes()].concat();
        directory.extend([b"PK\x01\x02\x0a\0", &common[..], &tail, name.as_bytes()].concat());
    }
    let count = u16::try_from(entries.len()).expect("few").to_le_bytes();
    let size = u32::try_from(directory.len()).expect("small").to_le_bytes();
    let at = u32::try_from(bytes.len()).expect("small").to_le_bytes();
    bytes.extend(directory);
    bytes.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &at, &[0; 2]].concat());
    fs::write(path, bytes).expect("a jar");
}

#[test]
fn hostile_archives_say_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("application.jar");
    let within = || jars_within(&fs::File::open(&path).expect("a file"));
    jar(&path, &["a.jar", "b.jar"]);
    assert_eq!(within(), ["a.jar", "b.jar"]);
    let good = fs::read(&path).expect("a jar");
    // Cut anywhere, and with every byte turned: no panic, and no name that is not there.
    for at in 0..good.len() {
        fs::write(&path, &good[..at]).expect("a file");
        assert!(within().iter().all(|name| ["a.jar", "b.jar"].contains(&name.as_str())), "cut at {at}");
        let mut turned = good.clone();
        turned[at] = !turned[at];
        fs::write(&path, &turned).expect("a file");
        assert!(within().len() <= 2);
    }
    fs::write(&path, [END_MARK, &[0xff; 18]].concat()).expect("a file");
    assert_eq!(within(), <[&str; 0]>::default());
}

#[test]
fn hostile_executables_say_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let real = fs::read("/proc/self/exe").expect("this test");
    let header = &real[..64];
    let mut far = header.to_vec();
    far[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    far[40..48].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut narrow = header.to_vec();
    narrow[54..56].copy_from_slice(&1_u16.to_le_bytes());
    narrow[58..60].copy_from_slice(&1_u16.to_le_bytes());
    for bytes in [&[][..], b"\x7fELF", b"#!/bin/sh\n", header, &far, &narrow] {
        let path = directory.path().join("executable");
        fs::write(&path, bytes).expect("a file");
        assert_eq!(compiled_from(&path), None);
    }
}

#[test]
fn a_note_by_go_tells_of_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut file = vec![0_u8; 64 + 56 + 16];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[32..40].copy_from_slice(&64_u64.to_le_bytes());
    file[54..56].copy_from_slice(&56_u16.to_le_bytes());
    file[56..58].copy_from_slice(&1_u16.to_le_bytes());
    file[64..68].copy_from_slice(&4_u32.to_le_bytes());
    file[72..80].copy_from_slice(&120_u64.to_le_bytes());
    file[96..104].copy_from_slice(&16_u64.to_le_bytes());
    file[120..136].copy_from_slice(b"\x04\0\0\0\x00\0\0\0\x04\0\0\0Go\0\0");
    let path = directory.path().join("executable");
    fs::write(&path, &file).expect("a file");
    assert_eq!(compiled_from(&path), Some("go"));
    file[132] = b'N';
    fs::write(&path, &file).expect("a file");
    assert_eq!(compiled_from(&path), None);
}

#[test]
fn a_table_of_functions_tells_of_go_without_a_note() {
    let directory = tempfile::tempdir().expect("a directory");
    let names = b"\0.text\0.gopclntab\0";
    let mut file = vec![0_u8; 64 + 2 * 64];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[40..48].copy_from_slice(&64_u64.to_le_bytes());
    // Size and number of the section headers; the first names them.
    file[58..64].copy_from_slice(&[64, 0, 2, 0, 0, 0]);
    file[64 + 24..64 + 32].copy_from_slice(&192_u64.to_le_bytes());
    file[64 + 32..64 + 40].copy_from_slice(&(names.len() as u64).to_le_bytes());
    file[128] = 7;
    file.extend(names);
    let path = directory.path().join("executable");
    fs::write(&path, &file).expect("a file");
    assert_eq!(compiled_from(&path), Some("go"));
    file[128] = 1;
    fs::write(&path, &file).expect("a file");
    assert_eq!(compiled_from(&path), None);
}

fn compiled_from(path: &Path) -> Option<&'static str> {
    elf::compiled_from(&fs::File::open(path).expect("a file"))
}
