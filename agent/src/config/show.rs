//! `whohungup config check` and `config show`.

use std::io::{self, Write as _};

use super::{Definition, File, Settings};
use crate::{cli::ConfigCheckArgs, output::stdout::printed};

/// Says that a file is right, or what is wrong with it.
pub(super) fn check(args: &ConfigCheckArgs) -> anyhow::Result<()> {
    let definition = Definition::new();
    let file = File::find(Some(&args.file), &definition)?.unwrap_or_default();
    file.check_all(&definition)?;
    let (path, keys) = (file.path.display(), file.entries.len());
    printed(writeln!(io::stdout(), "{path}: {keys} {}, all right", if keys == 1 { "key" } else { "keys" }))
}

/// Prints each setting with its source, in a form that is a configuration file itself.
pub(super) fn show(settings: &Settings) -> anyhow::Result<()> {
    let effective = settings.effective()?;
    let mut out = io::stdout().lock();
    printed(effective.iter().try_for_each(|setting| writeln!(out, "{setting}")))
}

/// Values as TOML writes them.
pub(super) fn toml(values: &[String], is_list: bool) -> String {
    let one = |value: &String| match value.parse::<i64>() {
        Ok(number) => number.to_string(),
        // Its escapes are among those of TOML's basic strings.
        Err(_no_number) => serde_json::Value::from(value.as_str()).to_string(),
    };
    let all: Vec<_> = values.iter().map(one).collect();
    if is_list { format!("[{}]", all.join(", ")) } else { all.join(", ") }
}
