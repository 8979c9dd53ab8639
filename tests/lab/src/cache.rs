//! Where the lab keeps what it installs: outside the sources, for all checkouts of them.

use std::{env, ffi::OsString, path::PathBuf};

use anyhow::{Context as _, Result};

/// `$WHOHUNGUP_LAB_CACHE`, else `whohungup-lab` in `$XDG_CACHE_HOME` or in `~/.cache`.
///
/// # Errors
/// When none of them is set, which is what `--state` is for.
pub fn directory() -> Result<PathBuf> {
    let directory = of(|name| env::var_os(name).filter(|value| !value.is_empty()));
    let directory = directory
        .context("no home directory to keep software in; set WHOHUNGUP_LAB_CACHE, or use --state")?;
    std::path::absolute(directory).context("resolve the cache's path")
}

fn of(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    variable("WHOHUNGUP_LAB_CACHE").map(PathBuf::from).or_else(|| {
        let caches = variable("XDG_CACHE_HOME").map(PathBuf::from);
        let caches = caches.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")));
        Some(caches?.join("whohungup-lab"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &str)]) -> Option<PathBuf> {
        of(|name| set.iter().find(|(of, _)| *of == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn the_cache_is_where_it_is_said_to_be_or_among_the_users_caches() {
        let home = ("HOME", "/home/ada");

        assert_eq!(with(&[home]), Some("/home/ada/.cache/whohungup-lab".into()));
        assert_eq!(with(&[home, ("XDG_CACHE_HOME", "/var/cache")]), Some("/var/cache/whohungup-lab".into()));
        assert_eq!(with(&[home, ("WHOHUNGUP_LAB_CACHE", "/srv/lab")]), Some("/srv/lab".into()));
        assert_eq!(with(&[]), None);
    }
}
