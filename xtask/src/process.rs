//! Running other programs: every command is shown before it runs.

mod tail;

use std::{
    env,
    ffi::OsStr,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

pub(crate) use tail::Failed;

/// Runs a command with its output shown, and fails when it fails: with [`Failed`] where the output goes to a log.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    eprintln!("$ {}", describe(command));
    command.stdin(Stdio::null());
    // At a terminal a command shows colours and how far it is.
    let ended = if io::stderr().is_terminal() {
        command.status().map(|status| (status, Vec::new()))
    } else {
        tail::status(command)
    };
    let (status, tail) = ended.with_context(|| format!("start `{}`", command.get_program().display()))?;
    if !status.success() {
        return Err(Failed { what: format!("`{}` failed: {status}", describe(command)), tail }.into());
    }
    Ok(())
}

/// Runs a command silently and gives its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start `{}`", command.get_program().display()))?;
    if !output.status.success() {
        bail!(
            "`{}` failed: {}: {}",
            describe(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("read the output of `{}` as UTF-8", describe(command)))
}

/// Finds a program in `directories` first, then on `PATH`, then where only root's `PATH` looks.
pub(crate) fn find_program(name: &str, directories: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    directories
        .iter()
        .cloned()
        .chain(env::split_paths(&path))
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

/// `PATH` with one directory put before the others.
pub(crate) fn path_with(directory: &Path) -> Result<std::ffi::OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(std::iter::once(directory.to_path_buf()).chain(env::split_paths(&path)))
        .with_context(|| format!("put {} on PATH", directory.display()))
}

fn describe(command: &Command) -> String {
    std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into_owned() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describe_quotes_only_what_needs_it() {
        let mut command = Command::new("cargo");
        command.args(["test", "--", "two words", ""]);

        assert_eq!(describe(&command), "cargo test -- 'two words' ''");
    }

    #[test]
    fn output_reports_the_failing_command_and_its_message() {
        let error = output(Command::new("sh").args(["-c", "echo broken >&2; exit 3"])).unwrap_err();

        let text = format!("{error:#}");
        assert!(text.contains("exit status: 3") && text.contains("broken"), "{text}");
    }

    #[test]
    fn run_names_a_program_that_does_not_exist() {
        let error = run(&mut Command::new("whohungup-no-such-program")).unwrap_err();

        assert!(format!("{error:#}").starts_with("start `whohungup-no-such-program`"), "{error:#}");
    }

    #[test]
    fn find_program_prefers_the_given_directories() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().join("sh");
        std::fs::write(&own, "").unwrap();

        assert_eq!(find_program("sh", &[directory.path().to_path_buf()]), Some(own));
        assert!(find_program("sh", &[]).is_some());
        assert_eq!(find_program("whohungup-no-such-program", &[]), None);
    }
}
