//! One TOML file: keys that are flags of `run`, values that clap takes.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::cli::DEFAULT_FILE;

use super::{
    ConfigError, Definition, Problem,
    definition::{flags, is_list, is_switch},
    error::line_of,
};

/// What a file sets.
#[derive(Clone, Debug, Default)]
pub struct File {
    pub path: PathBuf,
    pub entries: Vec<Entry>,
}

/// One key of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    /// As the flag would have them.
    pub values: Vec<String>,
    pub line: usize,
}

impl File {
    /// `None` where `named` is, and there is no file at the default place.
    ///
    /// # Errors
    /// When it cannot be read, or says what `run` does not take.
    pub fn find(named: Option<&Path>, definition: &Definition) -> Result<Option<Self>, ConfigError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match fs::read_to_string(path) {
            Ok(content) => Self::parse(path, &content, definition).map(Some),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ConfigError::Read { file: path.to_owned(), source }),
        }
    }

    /// # Errors
    /// When it is no TOML, or says what `run` does not take.
    pub fn parse(path: &Path, content: &str, definition: &Definition) -> Result<Self, ConfigError> {
        let table = DeTable::parse(content).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            ConfigError::Problems(vec![Problem::at(path, content, at, error.message())])
        })?;
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        for (key, value) in table.get_ref() {
            match entry(key, value, content, definition) {
                Ok(entry) => entries.push(entry),
                Err((byte, text)) => problems.push((byte, Problem::at(path, content, byte, text))),
            }
        }
        if !problems.is_empty() {
            problems.sort_by_key(|(byte, _)| *byte);
            return Err(ConfigError::Problems(problems.into_iter().map(|(_, problem)| problem).collect()));
        }
        entries.sort_by_key(|entry| entry.line);
        Ok(Self { path: path.to_owned(), entries })
    }

    /// Whether its settings fit together.
    ///
    /// # Errors
    /// When one needs another that is not there.
    pub fn check_all(&self, definition: &Definition) -> Result<(), ConfigError> {
        let flags: Vec<OsString> = self.entries.iter().flat_map(Entry::flags).collect();
        match definition.refusal_of_all(flags) {
            None => Ok(()),
            Some(text) => {
                Err(ConfigError::Problems(vec![Problem { file: self.path.clone(), place: None, text }]))
            }
        }
    }
}

impl Entry {
    pub(super) fn flags(&self) -> Vec<OsString> {
        match self.values.as_slice() {
            [] => vec![format!("--{}", self.key).into()],
            values => flags(&self.key, values),
        }
    }
}

/// What one key says, or at which byte it is wrong and how.
fn entry(
    key: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    content: &str,
    definition: &Definition,
) -> Result<Entry, (usize, String)> {
    let (name, at) = (key.get_ref().as_ref(), key.span().start);
    let Some(arg) = definition.key(name) else {
        let meant = definition.suggestion(name).map(|key| format!("; did you mean `{key}`?"));
        let all = "; `whohungup run --help` lists all: keys are the long flags without their dashes";
        return Err((at, format!("unknown key `{name}`{}", meant.unwrap_or_else(|| all.to_owned()))));
    };
    let value_at = value.span().start;
    let wrong = |text: String| (value_at, format!("`{name}`: {text}"));
    let values = if is_switch(arg) {
        match value.get_ref() {
            DeValue::Boolean(true) => Vec::new(),
            _ => return Err(wrong("takes true alone; leave the key out for false".to_owned())),
        }
    } else {
        let values = texts(value.get_ref()).ok_or_else(|| {
            wrong(format!(
                "expected text or a number{}",
                if is_list(arg) { ", or a list of them" } else { "" }
            ))
        })?;
        if matches!(value.get_ref(), DeValue::Array(_)) && !is_list(arg) {
            return Err(wrong("takes one value, and no list".to_owned()));
        }
        if values.is_empty() {
            return Err(wrong("an empty list; leave the key out for the default".to_owned()));
        }
        values
    };
    if let Some(text) = definition.refusal(name, &values) {
        return Err((value_at, text));
    }
    Ok(Entry { key: name.to_owned(), values, line: line_of(content, at) })
}

/// The values in the words of a command line.
fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    if let DeValue::Array(values) = value {
        return values.iter().map(|value| text(value.get_ref())).collect();
    }
    text(value).map(|text| vec![text])
}

fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
            Some(number.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}
