//! What is wrong with a configuration file, and where.

use std::{fmt, io, path::PathBuf};

/// One fault of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    /// From 1. `None` where the fault has no one place.
    pub place: Option<(usize, usize)>,
    pub text: String,
}

impl Problem {
    /// At this byte of `content`.
    pub(super) fn at(file: &std::path::Path, content: &str, byte: usize, text: impl Into<String>) -> Self {
        let before = content.get(..byte).unwrap_or(content);
        let line = line_of(content, byte);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { file: file.to_owned(), place: Some((line, column)), text: text.into() }
    }
}

/// The line, from 1, that this byte of `content` is on.
pub(super) fn line_of(content: &str, byte: usize) -> usize {
    content.get(..byte).unwrap_or(content).matches('\n').count() + 1
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.text)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration file {}; name another with --config", file.display())]
    Read { file: PathBuf, source: io::Error },
    /// Every fault of it, in the order of its lines.
    #[error("{}", Lines(.0))]
    Problems(Vec<Problem>),
}

struct Lines<'a>(&'a [Problem]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if at > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}
