//! From TOML to rows that can be trusted: what is unknown, double or makes no sense is an error.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use thiserror::Error;

use super::{Nominal, Product, Products, Row, Spoken};
use crate::labels::{Clock, Phase};

/// Longest time that is believed of a default, seconds: conntrack's 5 days are the longest known.
const LONGEST: f64 = 10.0 * 86_400.0;

#[derive(Debug, Error)]
pub enum LoadError {
    #[error("{file} cannot be read; correct it: {source}")]
    Syntax { file: String, source: Box<toml::de::Error> },
    #[error("{file}, product `{product}`: {problem}")]
    Product { file: String, product: String, problem: String },
    #[error("{file}, product `{product}`, timer {number} (`{setting}`): {problem}")]
    Row { file: String, product: String, number: usize, setting: String, problem: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    product: Vec<Product>,
}

impl Products {
    /// Reads files (name and text).
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with file, product and timer.
    pub fn load(files: &[(&str, &str)]) -> Result<Self, LoadError> {
        let mut loaded = Self::default();
        // Lower-case name and what it is, to the product that has it.
        let mut taken: HashMap<(&str, String), String> = HashMap::new();
        for (file, text) in files {
            let read: File = toml::from_str(text)
                .map_err(|source| LoadError::Syntax { file: (*file).to_owned(), source: Box::new(source) })?;
            for mut product in read.product {
                for row in &mut product.rows {
                    row.protocols.get_or_insert_with(|| product.protocols.clone());
                }
                check(file, &product)?;
                let invalid = |problem| product_error(file, &product, problem);
                for (what, name) in names(&product) {
                    let lower = name.to_lowercase();
                    let matched_in_lower_case = !matches!(what, "name" | "Server word");
                    if name.is_empty() || (matched_in_lower_case && lower != name && what != "process name") {
                        return Err(invalid(format!("{what} `{name}` is empty or not in lower case")));
                    }
                    if let Some(other) = taken.insert((what, lower), product.name.clone()) {
                        return Err(invalid(format!("{what} `{name}` is taken by `{other}`")));
                    }
                }
                if let Some(first) = product.words.first() {
                    for name in product.words.iter().chain(&product.libraries) {
                        loaded.words.insert(name.clone(), first.clone());
                    }
                } else if !product.libraries.is_empty() {
                    return Err(invalid("libraries need a word that they stand for".to_owned()));
                }
                loaded.products.push(product);
            }
        }
        Ok(loaded)
    }
}

/// What must belong to one product only.
fn names(product: &Product) -> impl Iterator<Item = (&'static str, &str)> {
    std::iter::once(("name", product.name.as_str()))
        .chain(list("executable", &product.executables))
        .chain(list("process name", &product.processes))
        .chain(list("word or library", &product.words))
        .chain(list("word or library", &product.libraries))
        .chain(list("Server word", &product.server))
}

fn list<'a>(what: &'static str, names: &'a [String]) -> impl Iterator<Item = (&'static str, &'a str)> {
    names.iter().map(move |name| (what, name.as_str()))
}

fn product_error(file: &str, product: &Product, problem: String) -> LoadError {
    LoadError::Product { file: file.to_owned(), product: product.name.clone(), problem }
}

fn check(file: &str, product: &Product) -> Result<(), LoadError> {
    if product.rows.is_empty() {
        return Err(product_error(file, product, "it has no timer".to_owned()));
    }
    let mut seen = HashSet::new();
    for (index, row) in product.rows.iter().enumerate() {
        let double = !seen.insert(format!(
            "{:?} {:?} {:?} {} {:?}",
            row.sides, row.phases, row.clock, row.setting.name, row.versions
        ));
        let problem = problem_of(row).or_else(|| double.then(|| "it is there twice".to_owned()));
        if let Some(problem) = problem {
            return Err(LoadError::Row {
                file: file.to_owned(),
                product: product.name.clone(),
                number: index + 1,
                setting: row.setting.name.clone(),
                problem,
            });
        }
    }
    Ok(())
}

fn problem_of(row: &Row) -> Option<String> {
    let texts = [
        ("versions", &row.versions),
        ("source", &row.source),
        ("setting.name", &row.setting.name),
        ("setting.write", &row.setting.write),
    ];
    if let Some((name, _)) = texts.iter().find(|(_, text)| text.trim().is_empty()) {
        return Some(format!("{name} is empty"));
    }
    if !(row.source.starts_with("https://") || row.source.starts_with("measured: ")) {
        return Some("source is neither an https:// address nor `measured: ...`".to_owned());
    }
    if has_doubles(&row.phases) || has_doubles(&row.sides) {
        return Some("phases or sides are empty or name something twice".to_owned());
    }
    if let Some(Spoken::Of(these)) = &row.protocols
        && has_doubles(these)
    {
        return Some("protocols are empty or name something twice".to_owned());
    }
    if let Some(phase) = row.phases.iter().find(|phase| !clock_runs_in(row.clock, **phase)) {
        return Some(format!("the clock {} means nothing in phase {phase}", row.clock));
    }
    if let Nominal::Seconds(seconds) = row.nominal
        && !(seconds > 0.0 && seconds <= LONGEST)
    {
        return Some(format!("{seconds} s is no time"));
    }
    if row.earliest(Some(3)).is_some_and(|earliest| earliest <= 0.0) {
        return Some(format!("with a bias of {} s it is no time", row.bias));
    }
    if !(row.bias.is_finite() && (0.0..=LONGEST).contains(&row.granularity)) {
        return Some("bias or granularity is out of range".to_owned());
    }
    placeholder_problem(row)
}

/// Exactly one unit in what is written, and none where nothing can be set.
fn placeholder_problem(row: &Row) -> Option<String> {
    let write = &row.setting.write;
    let units = write.matches("{s}").count() + write.matches("{ms}").count();
    let wanted = usize::from(!row.setting.fixed);
    if units != wanted {
        return Some(format!("setting.write has {units} of {{s}} and {{ms}}, not {wanted}: `{write}`"));
    }
    let bounds = [row.setting.least, row.setting.most];
    if bounds.iter().flatten().any(|bound| !(*bound >= 0.0 && *bound <= LONGEST)) {
        return Some("setting.least or setting.most is out of range".to_owned());
    }
    None
}

fn has_doubles<T: Eq + std::hash::Hash>(list: &[T]) -> bool {
    list.is_empty() || list.iter().collect::<HashSet<_>>().len() != list.len()
}

/// Idle time only exists between exchanges, a request's time only within one.
const fn clock_runs_in(clock: Clock, phase: Phase) -> bool {
    match phase {
        Phase::Connecting | Phase::Unknown => false,
        Phase::Unused => !matches!(clock, Clock::Request),
        Phase::Idle | Phase::Transaction => matches!(clock, Clock::Idle | Clock::Silent | Clock::Age),
        Phase::RequestHead => !matches!(clock, Clock::Idle),
        Phase::RequestBody | Phase::Waiting | Phase::Response => {
            matches!(clock, Clock::Request | Clock::Silent | Clock::Age)
        }
        Phase::Tunnel => matches!(clock, Clock::Silent | Clock::Age),
    }
}
