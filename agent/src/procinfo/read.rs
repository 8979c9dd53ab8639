//! One process, read from /proc within bounds.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
};

use procfs::process::Process;

use super::{elf, jar::jars_within, package_json::offer_dependencies};
use whohungup_core::products::Products;
use whohungup_core::{
    products::keywords::{Words, base_name, is_spawned_by_python, runtime_of, runtime_of_library, script},
    program::Program,
};

/// Bytes of a command line that are read.
const COMMAND_LINE: u64 = 64 * 1024;
/// Bytes of a process's memory map that are read.
const MAPS: u64 = 512 * 1024;
/// Open files that are looked at.
const OPEN_FILES: usize = 1024;
/// Most jars of a JVM in which others are looked for.
const PACKED: usize = 4;

/// What `pid` is; `None` when it is gone or may not be looked at.
pub fn read(pid: u32) -> Option<Program> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    read_process(&process)
}

pub(super) fn read_process(process: &Process) -> Option<Program> {
    // The kernel's own threads have none.
    let executable = process.exe().ok()?;
    let executable = base_name(&executable.to_string_lossy()).trim_end_matches(" (deleted)").to_owned();
    let mapped = mapped_files(process);
    let runtime = runtime_of(&executable)
        .or_else(|| mapped.iter().find_map(|path| runtime_of_library(base_name(path))))
        .or_else(|| elf::compiled_from(&process.open_relative("exe").ok()?));
    let mut words = Words::new(Products::builtin());
    let arguments = own_command_line(process);
    words.offer_command_line(&arguments, runtime);
    match runtime {
        Some("java") => offer_jars(process, &mut words),
        Some("node") => offer_dependencies(process, script(&arguments), &mut words),
        _ => {}
    }
    for path in &mapped {
        words.offer_module_directory(path);
    }
    let (words, depends) = words.into_both();
    Some(Program { executable: Some(executable), runtime: runtime.map(str::to_owned), words, depends })
}

/// Its arguments, or its parent's where those say what it was started for: uvicorn's workers are such.
fn own_command_line(process: &Process) -> Vec<String> {
    let arguments = command_line(process);
    if !is_spawned_by_python(&arguments) {
        return arguments;
    }
    let parent = process.stat().ok().and_then(|stat| Process::new(stat.ppid).ok());
    parent.map(|parent| command_line(&parent)).unwrap_or_default()
}

/// Arguments, as the process shows them now. A title that took their place is one argument.
fn command_line(process: &Process) -> Vec<String> {
    let Ok(file) = process.open_relative("cmdline") else { return Vec::new() };
    let mut bytes = Vec::new();
    if file.take(COMMAND_LINE).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
}

/// Paths of the files that are mapped, each once in a row.
fn mapped_files(process: &Process) -> Vec<String> {
    let Ok(file) = process.open_relative("maps") else { return Vec::new() };
    let mut paths: Vec<String> = Vec::new();
    for line in BufReader::new(File::take(file, MAPS)).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        if let Some(at) = line.find('/')
            && paths.last().is_none_or(|last| last != &line[at..])
        {
            paths.push(line[at..].to_owned());
        }
    }
    paths
}

/// A JVM keeps its jars open. Of a few, the one that starts it may hold all others.
fn offer_jars(process: &Process, words: &mut Words<'_>) {
    let jars = open_jars(process);
    for (_, path) in &jars {
        words.offer_jar(path);
    }
    if jars.len() > PACKED {
        return;
    }
    for (fd, _) in jars {
        // Through the process, as the path may lie in another file system.
        if let Ok(file) = process.open_relative(format!("fd/{fd}")) {
            for path in jars_within(&file) {
                words.offer_jar(&path);
            }
        }
    }
}

fn open_jars(process: &Process) -> Vec<(i32, String)> {
    use procfs::process::FDTarget;
    let Ok(files) = process.fd() else { return Vec::new() };
    files
        .take(OPEN_FILES)
        .flatten()
        .filter_map(|file| match file.target {
            FDTarget::Path(path) if path.extension().is_some_and(|it| it == "jar" || it == "war") => {
                Some((file.fd, path.to_str()?.to_owned()))
            }
            _ => None,
        })
        .collect()
}
