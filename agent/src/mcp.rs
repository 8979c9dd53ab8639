//! `whohungup mcp`: what a daemon knows, for programs that speak the Model Context Protocol over standard input and output.
//! Read-only: it asks a daemon and its record, and changes nothing. docs/mcp.md.

mod protocol;
mod source;
mod tools;

use std::io::{self, BufRead, Read as _, Write};

use anyhow::Context as _;

use self::{protocol::answer, source::Source};
use crate::cli::McpArgs;

/// Bytes of a message at most; what a client has to say takes a few hundred.
const MOST: u64 = 1 << 20;

/// Answers until standard input ends.
///
/// # Errors
/// When the daemon cannot be asked as `args` say, standard input cannot be read, or standard output not be written.
pub fn mcp(args: &McpArgs) -> anyhow::Result<()> {
    let source = Source::new(args)?;
    match serve(&source, io::stdin().lock(), io::stdout().lock()) {
        // Whoever asked has gone.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("answer on standard output"),
    }
}

/// One message a line, in both directions.
fn serve(source: &Source, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.by_ref().take(MOST).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let is_whole = line.ends_with(b"\n") || (line.len() as u64) < MOST;
        if !is_whole {
            skip_line(&mut input)?;
        }
        if is_whole && line.trim_ascii().is_empty() {
            continue;
        }
        let said = if is_whole { answer(source, &line) } else { Some(protocol::too_long(MOST)) };
        if let Some(said) = said {
            serde_json::to_writer(&mut output, &said)?;
            output.write_all(b"\n")?;
            output.flush()?;
        }
    }
}

/// To the end of a line of which nobody wants to know more.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffered = input.fill_buf()?;
        let (len, end) = (buffered.len(), buffered.iter().position(|&byte| byte == b'\n'));
        input.consume(end.map_or(len, |end| end + 1));
        if len == 0 || end.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
