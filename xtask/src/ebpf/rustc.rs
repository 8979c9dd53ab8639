//! What `rustc -vV` says.

use std::fmt;

use anyhow::{Context as _, Result};

/// A version such as 1.96.0; a channel suffix (`-nightly`) does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) [u32; 3]);

impl Version {
    /// Parses `1.95`, `1.96.0` or `1.97.0-nightly`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-').next()?.split('.').map(str::parse);
        let major = parts.next()?.ok()?;
        let minor = parts.next()?.ok()?;
        let patch = parts.next().unwrap_or(Ok(0)).ok()?;
        Some(Self([major, minor, patch]))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rustc {
    /// First line, as a person would quote it.
    pub(crate) line: String,
    pub(crate) release: Version,
    pub(crate) host: String,
    pub(crate) llvm: String,
    pub(crate) llvm_major: u32,
}

impl Rustc {
    pub(crate) fn parse(verbose: &str) -> Result<Self> {
        let field = |key: &str| {
            verbose
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
                .map(str::trim)
                .with_context(|| format!("find `{key}` in the output of `rustc -vV`"))
        };
        let line = verbose.lines().next().context("read the first line of `rustc -vV`")?.trim();
        let release = field("release")?;
        let llvm = field("LLVM version")?;
        Ok(Self {
            line: line.to_owned(),
            release: Version::parse(release).with_context(|| format!("parse the release `{release}`"))?,
            host: field("host")?.to_owned(),
            llvm: llvm.to_owned(),
            llvm_major: llvm
                .split('.')
                .next()
                .and_then(|major| major.parse().ok())
                .with_context(|| format!("parse the LLVM version `{llvm}`"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "\
rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)
binary: rustc
commit-hash: ac68faa20c58cbccd01ee7208bf3b6e93a7d7f96
commit-date: 2026-05-25
host: x86_64-unknown-linux-gnu
release: 1.96.0
LLVM version: 22.1.8
";

    #[test]
    fn parses_a_distribution_compiler() {
        let rustc = Rustc::parse(DEBIAN).unwrap();

        assert_eq!(rustc.line, "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)");
        assert_eq!(rustc.release, Version([1, 96, 0]));
        assert_eq!(rustc.host, "x86_64-unknown-linux-gnu");
        assert_eq!((rustc.llvm.as_str(), rustc.llvm_major), ("22.1.8", 22));
    }

    #[test]
    fn parses_a_nightly_compiler() {
        let nightly = DEBIAN.replace("release: 1.96.0", "release: 1.97.0-nightly");

        assert_eq!(Rustc::parse(&nightly).unwrap().release, Version([1, 97, 0]));
    }

    #[test]
    fn names_the_missing_field() {
        let error = Rustc::parse("rustc 1.96.0\nrelease: 1.96.0\n").unwrap_err();

        assert!(error.to_string().contains("LLVM version"), "{error}");
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(Version::parse("1.100").unwrap() > Version::parse("1.95.3").unwrap());
        assert_eq!(Version::parse("1.95").unwrap().to_string(), "1.95.0");
        assert_eq!(Version::parse("stable"), None);
        assert_eq!(Version::parse("1"), None);
    }
}
