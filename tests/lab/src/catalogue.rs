//! The software that the lab plays: what each needs on the machine, and which version it is (plays/software.toml,
//! plays/pinned.toml).

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::LazyLock,
};

use anyhow::{Context as _, Result};
use harness::software::java::jar_version;
use serde::Deserialize;

use crate::{
    kit::{self, Kit},
    plays,
};

/// What a piece of software needs on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A program, and the Debian package that it comes with.
    Apt { package: &'static str, program: &'static str },
    /// A Debian package that is no program, and a file of it.
    AptFile { package: &'static str, file: &'static str },
    /// A package from PyPI in the lab's own virtual environment.
    Pypi(&'static str),
    /// A package from npm in a directory of the lab's own.
    Npm(&'static str),
    /// One of the programs in programs/rust, which cargo compiles into the lab's cache.
    Crate(&'static str),
}

impl Need {
    fn parse(text: &'static str) -> Option<Self> {
        let words: Vec<_> = text.split(' ').collect();
        Some(match words[..] {
            ["apt", package, program] => Self::Apt { package, program },
            ["file", package, file] => Self::AptFile { package, file },
            ["pypi", name] => Self::Pypi(name),
            ["npm", name] => Self::Npm(name),
            ["crate", program] => Self::Crate(program),
            _ => return None,
        })
    }

    pub fn manager(self) -> &'static str {
        match self {
            Self::Apt { .. } | Self::AptFile { .. } => "apt",
            Self::Pypi(_) => "pypi",
            Self::Npm(_) => "npm",
            Self::Crate(_) => "cargo",
        }
    }

    /// As its manager is told it. For cargo, which compiles all programs at once, what it compiles them from.
    pub fn package(self) -> String {
        match self {
            Self::Apt { package, .. } | Self::AptFile { package, .. } => package.to_owned(),
            Self::Pypi(name) => pypi(name).map_or(name.to_owned(), |version| format!("{name}=={version}")),
            Self::Npm(name) => npm(name).map_or(name.to_owned(), |version| format!("{name}@{version}")),
            Self::Crate(_) => rust_programs(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Option<String>,
    needs: Vec<String>,
    version: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Pinned {
    pypi: BTreeMap<String, String>,
    npm: BTreeMap<String, String>,
}

static ALL: LazyLock<BTreeMap<String, Entry>> =
    LazyLock::new(|| plays::read(include_str!("../plays/software.toml")));
static PINNED: LazyLock<Pinned> = LazyLock::new(|| plays::read(include_str!("../plays/pinned.toml")));

/// # Panics
/// When a play names what is not in the catalogue.
fn entry(name: &str) -> &'static Entry {
    ALL.get(name).unwrap_or_else(|| panic!("{name} is not in plays/software.toml"))
}

/// What readers know it by.
pub(crate) fn name(name: &'static str) -> &'static str {
    entry(name).name.as_deref().unwrap_or(name)
}

/// What software of these names needs.
///
/// # Panics
/// When a play names what is not in the catalogue.
pub(crate) fn needs<'a, S: AsRef<str> + 'a>(names: impl IntoIterator<Item = &'a S>) -> Vec<Need> {
    let all = names.into_iter().flat_map(|name| &entry(name.as_ref()).needs);
    all.map(|need| Need::parse(need).expect("a need in plays/software.toml")).collect()
}

/// What a piece of software says of its version.
///
/// # Errors
/// When it does not say.
pub(crate) fn version(kit: &Kit, name: &str) -> Result<String> {
    let entry = entry(name);
    let asked = entry.version.as_ref().unwrap_or(&entry.needs[0]);
    let words: Vec<_> = asked.split(' ').collect();
    let version = match words[..] {
        ["crate", name] => rust_crate(name).map(str::to_owned).context("find it in programs/rust/Cargo.lock"),
        ["jar", prefix] => jar_version(prefix),
        ["npm", name] => kit.module_version(name),
        ["pypi", name] => {
            let code = format!("import importlib.metadata as m; print(m.version('{name}'))");
            kit::version(kit.command("python").args(["-c", &code]))
        }
        _ => kit::version(kit.command(words[0]).args(&words[1..])),
    };
    version.with_context(|| format!("ask {name} for its version"))
}

/// All of what Rust's programs are compiled from.
const CRATE: &[&str] = &[
    include_str!("../programs/rust/Cargo.toml"),
    CRATE_LOCK,
    include_str!("../programs/rust/src/lib.rs"),
    include_str!("../programs/rust/src/bin/actix-server.rs"),
    include_str!("../programs/rust/src/bin/axum-server.rs"),
    include_str!("../programs/rust/src/bin/hyper-client.rs"),
    include_str!("../programs/rust/src/bin/reqwest-client.rs"),
];
const CRATE_LOCK: &str = include_str!("../programs/rust/Cargo.lock");

/// Of a package from PyPI.
pub(crate) fn pypi(name: &str) -> Option<&'static str> {
    PINNED.pypi.get(name).map(String::as_str)
}

/// Of a package from npm, as npm is told it after the name's `@`.
pub(crate) fn npm(name: &str) -> Option<String> {
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    PINNED.npm.get(name).map(|version| version.replace("@arch@", arch))
}

/// Another one when anything of Rust's programs is.
pub(crate) fn rust_programs() -> String {
    let mut hasher = DefaultHasher::new();
    CRATE.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Of a crate that Rust's programs are built on.
fn rust_crate(name: &str) -> Option<&'static str> {
    let entry =
        CRATE_LOCK.split("[[package]]").find(|entry| entry.contains(&format!("\nname = \"{name}\"\n")))?;
    entry.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_need_can_be_installed_in_one_version() {
        let is_exact = |told: &str| {
            let version = told.rsplit('@').next().unwrap_or(told);
            version.contains('.') && version.split('.').all(|part| part.parse::<u32>().is_ok())
        };
        for (name, entry) in &*ALL {
            let needs = needs([name]);
            assert_eq!(needs.len(), entry.needs.len(), "{name}");
            for need in needs {
                match need {
                    Need::Pypi(name) => assert!(pypi(name).is_some_and(is_exact), "{name}"),
                    Need::Npm(name) => assert!(npm(name).is_some_and(|told| is_exact(&told)), "{name}"),
                    Need::Apt { .. } | Need::AptFile { .. } | Need::Crate(_) => {}
                }
            }
        }
    }

    #[test]
    fn a_crates_version_is_the_one_that_is_compiled() {
        assert_eq!(rust_crate("reqwest"), Some("0.13.5"));
        assert_eq!(rust_crate("no-such-crate"), None);
        assert_eq!(pypi("no-such-package"), None);
    }
}
