//! The last lines of what a command wrote: a log of thousands of lines ends with what went wrong.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, BufRead as _, BufReader, PipeReader, Write as _},
    process::{Command, ExitStatus},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

/// Lines that are kept of a command's output.
const LINES: usize = 300;
/// What a command started may outlive it and hold its output open.
const OUTLIVED: Duration = Duration::from_secs(5);

/// A command failed, and the last lines that it wrote.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) what: String,
    pub(crate) tail: Vec<String>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failed {}

type Kept = Arc<Mutex<VecDeque<String>>>;

/// Runs a command, passes on what it writes, and gives the last lines of that.
pub(super) fn status(command: &mut Command) -> io::Result<(ExitStatus, Vec<String>)> {
    let (reader, writer) = io::pipe()?;
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command holds the pipe's other end, and reading would not end.
    command.stdout(std::process::Stdio::inherit()).stderr(std::process::Stdio::inherit());
    let kept = Kept::default();
    let (done, ended) = mpsc::channel::<()>();
    thread::spawn({
        let kept = Arc::clone(&kept);
        move || {
            pass_on(reader, &kept);
            drop(done);
        }
    });
    let status = child.wait()?;
    let _ended = ended.recv_timeout(OUTLIVED);
    let lines = kept.lock().map(|mut kept| kept.drain(..).collect()).unwrap_or_default();
    Ok((status, lines))
}

fn pass_on(reader: PipeReader, kept: &Kept) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let _written = io::stderr().write_all(&line);
        if let Ok(mut kept) = kept.lock() {
            if kept.len() == LINES {
                kept.pop_front();
            }
            kept.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (ExitStatus, Vec<String>) {
        status(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn the_last_lines_of_both_outputs_are_kept_in_their_order() {
        let (ended, lines) = shell("for i in $(seq 1000); do echo $i; done; echo oops >&2; exit 3");

        assert_eq!(ended.code(), Some(3));
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[LINES - 2..], ["1000", "oops"]);
    }

    #[test]
    fn what_outlives_the_command_does_not_hold_it_up_for_ever() {
        let (ended, lines) = shell("echo early; sleep 30 & exit 0");

        assert!(ended.success());
        assert_eq!(lines, ["early"]);
    }
}
