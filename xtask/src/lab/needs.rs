//! What the lab says that it misses, by who installs it.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Where it belongs, but for Debian's packages.
    pub(super) into: PathBuf,
    pub(super) apt: Vec<String>,
    pub(super) pypi: Vec<String>,
    pub(super) npm: Vec<String>,
    /// What Rust's programs have to be compiled from, when they are not.
    pub(super) cargo: Option<String>,
}

impl Needs {
    /// From `into DIRECTORY` and lines of `manager package`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let into =
            lines.next().and_then(|line| line.strip_prefix("into ")).context("find where it belongs")?;
        let mut needs = Self { into: into.into(), ..Self::default() };
        for line in lines {
            match line.split_once(' ') {
                Some(("apt", package)) => needs.apt.push(package.to_owned()),
                Some(("pypi", package)) => needs.pypi.push(package.to_owned()),
                Some(("npm", package)) => needs.npm.push(package.to_owned()),
                Some(("cargo", sources)) => needs.cargo = Some(sources.to_owned()),
                _ => bail!("the lab needs what nothing installs: {line:?}"),
            }
        }
        Ok(needs)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    pub(super) fn names(&self) -> Vec<&str> {
        let lists = [&self.apt, &self.pypi, &self.npm].into_iter().flatten().map(String::as_str);
        lists.chain(self.cargo.as_ref().map(|_| "Rust's programs")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_sorted_by_who_installs_them() {
        let text = "into /srv/lab\napt curl\npypi grpcio==1.0\napt haproxy\nnpm undici@7.0.1\ncargo 00ff\ncargo 00ff\n";
        let needs = Needs::parse(text).unwrap();

        assert_eq!(needs.into, PathBuf::from("/srv/lab"));
        assert_eq!(needs.apt, ["curl", "haproxy"]);
        assert_eq!(needs.pypi, ["grpcio==1.0"]);
        assert_eq!(needs.npm, ["undici@7.0.1"]);
        assert_eq!(needs.cargo.as_deref(), Some("00ff"));
        assert!(!needs.is_empty());
        assert!(Needs::parse("into /srv/lab\n").unwrap().is_empty());
    }

    #[test]
    fn an_unknown_manager_is_refused() {
        assert!(Needs::parse("into /srv/lab\ngem puma\n").is_err());
        assert!(Needs::parse("into /srv/lab\ncurl\n").is_err());
        assert!(Needs::parse("apt curl\n").is_err());
    }
}
