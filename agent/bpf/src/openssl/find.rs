//! Which OpenSSL libraries are in use, here and in containers.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Where the dynamic linker of the host finds libraries; what lies there is attached before it is first used.
const HOST_DIRECTORIES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/lib64",
    "/usr/lib",
    "/usr/local/lib",
];

/// Bytes of a process's memory map that are read: its owner decides how long it is.
const MAX_MAPS: u64 = 512 * 1024;

/// The file itself, whatever it is called: device (major, minor) and inode.
pub(super) type FileId = (u32, u32, u64);

/// Every OpenSSL library that some process has mapped or that lies where the host's linker looks, each with a path
/// by which this process can open it.
pub fn libraries() -> BTreeMap<FileId, PathBuf> {
    let mut found = BTreeMap::new();
    for directory in HOST_DIRECTORIES {
        in_directory(Path::new(directory), &mut found);
    }
    let Ok(processes) = fs::read_dir("/proc") else { return found };
    for process in processes.flatten() {
        let path = process.path();
        let is_process = process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit);
        // A process that ended meanwhile, or may not be looked into, is left out.
        let Some(maps) = is_process.then(|| maps(&path).ok()).flatten() else { continue };
        for line in String::from_utf8_lossy(&maps).lines().filter(|line| line.contains("/libssl")) {
            if let Some((id, at)) = mapped(line, &path) {
                found.entry(id).or_insert(at);
            }
        }
    }
    found
}

fn maps(process: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(process.join("maps"))?.take(MAX_MAPS).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn in_directory(directory: &Path, found: &mut BTreeMap<FileId, PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let named = path.file_name().is_some_and(|name| is_openssl(&name.to_string_lossy()));
        let Some(file) = named.then(|| fs::metadata(&path).ok()).flatten() else { continue };
        let id = (rustix::fs::major(file.dev()), rustix::fs::minor(file.dev()), file.ino());
        found.entry(id).or_insert(path);
    }
}

/// An executable mapping of the library, from a line of /proc/PID/maps.
fn mapped(line: &str, process: &Path) -> Option<(FileId, PathBuf)> {
    let mut fields = line.splitn(6, ' ');
    let (range, flags, _, device, inode) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let name = fields.next()?.trim_start();
    let (name, deleted) = name.strip_suffix(" (deleted)").map_or((name, false), |name| (name, true));
    if flags.as_bytes().get(2) != Some(&b'x') || !is_openssl(name.rsplit('/').next()?) {
        return None;
    }
    let (major, minor) = device.split_once(':')?;
    let id = (
        u32::from_str_radix(major, 16).ok()?,
        u32::from_str_radix(minor, 16).ok()?,
        inode.parse().ok().filter(|&inode| inode != 0)?,
    );
    let at = if deleted {
        process.join("map_files").join(range)
    } else {
        process.join("root").join(name.trim_start_matches('/'))
    };
    Some((id, at))
}

/// libssl.so.3, libssl.so.1.1, and the renamed copies in Python wheels; not libssl3.so, which is that of NSS.
fn is_openssl(name: &str) -> bool {
    let versioned =
        name.strip_prefix("libssl.so").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    versioned || name.starts_with("libssl-") && name.contains(".so")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "7fdfa295b000-7fdfa29b8000 r-xp 0001f000 fe:00 326798                     /usr/lib/libssl.so.3";

    #[test]
    fn a_container_s_copy_is_opened_through_its_own_root() {
        let process = Path::new("/proc/7");
        let root = PathBuf::from("/proc/7/root/usr/lib/libssl.so.3");
        assert_eq!(mapped(LINE, process), Some(((0xfe, 0, 326_798), root)));
    }

    #[test]
    fn a_library_that_was_replaced_is_opened_through_its_mapping() {
        let line = format!("{LINE} (deleted)");
        let at = PathBuf::from("/proc/7/map_files/7fdfa295b000-7fdfa29b8000");
        assert_eq!(mapped(&line, Path::new("/proc/7")), Some(((0xfe, 0, 326_798), at)));
    }

    #[test]
    fn a_process_that_maps_without_end_is_read_to_the_bound() {
        let process = tempfile::tempdir().expect("a directory");
        fs::write(process.path().join("maps"), vec![b'x'; 3 * MAX_MAPS as usize]).expect("maps");
        assert_eq!(maps(process.path()).expect("maps").len() as u64, MAX_MAPS);
    }

    #[test]
    fn what_is_not_code_of_openssl_is_left_alone() {
        let process = Path::new("/proc/7");
        assert_eq!(mapped(&LINE.replace("r-xp", "r--p"), process), None);
        assert_eq!(mapped(&LINE.replace("libssl.so.3", "libssl3.so"), process), None);
        assert_eq!(mapped(&LINE.replace("326798 ", "0 "), process), None);
        assert_eq!(mapped("garbage", process), None);
        assert!(is_openssl("libssl-43cd4e2f.so.1.1") && !is_openssl("libssl.some"));
    }
}
