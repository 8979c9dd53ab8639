//! What a timer can be, and which settings govern it.

use serde::{Deserialize, Serialize};

use super::{
    Announces, Closes, Knowledge, Nominal, Observed, Product, Row, Setting,
    identify::Identity,
    matching::{configured, default_in_words, fits, governs, tidy},
};
use crate::{
    endpoint::Timer,
    labels::{Phase, Side},
};

/// Most candidates that are given of one timer.
const LIMIT: usize = 8;
/// How much later than an announcement a close may come for the two to belong together, seconds.
const ANNOUNCED_WITHIN: f64 = 2.0;

/// How sure it is that a product closed, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likelihood {
    /// Its process, or the name in its responses, says that it is this product.
    Named,
    /// What it runs on, or what it announces, points to this product.
    Likely,
    /// Nothing speaks against it. A time alone never says more.
    Possible,
}

/// A timer of a product that can be the one that was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub product: String,
    pub versions: String,
    pub setting: Setting,
    /// Its default, seconds; `None` when it is off by default or follows what the other end announces.
    pub default: Option<f64>,
    /// Seconds from the set time to the earliest close.
    pub bias: f64,
    /// It closes within this many seconds after that.
    pub granularity: f64,
    pub closes: Closes,
    /// What it seems to be set to, seconds, where that is not its default.
    pub configured: Option<f64>,
    pub likelihood: Likelihood,
    pub reasons: Vec<String>,
    pub note: Option<String>,
    pub source: String,
}

impl Candidate {
    fn new(product: &Product, row: &Row, identity: Identity) -> Self {
        Self {
            product: product.name.clone(),
            versions: row.versions.clone(),
            setting: row.setting.clone(),
            default: match row.nominal {
                Nominal::Seconds(seconds) => Some(seconds),
                Nominal::Announced | Nominal::Never => None,
            },
            bias: row.bias,
            granularity: row.granularity,
            closes: row.closes,
            configured: None,
            likelihood: identity.likelihood,
            reasons: identity.reasons,
            note: row.note.clone(),
            source: row.source.clone(),
        }
    }
}

impl Knowledge {
    /// The timers that, at their defaults, close as `timer` does, best first, at most 8. Without anything that
    /// identifies the end, each is only [`Likelihood::Possible`].
    pub fn candidates(&self, timer: &Timer, seen: &Observed<'_>) -> Vec<Candidate> {
        let mut found: Vec<_> = self
            .rows()
            .filter(|(_, row)| governs(row, timer))
            .filter_map(|(product, row)| {
                let fit = fits(row, timer, seen.announced)?;
                let identity = self.identify(product, timer.side, seen)?;
                let identity = with_announcement(identity, row, timer, seen)?;
                Some((identity.likelihood, fit, Candidate::new(product, row, identity)))
            })
            .collect();
        // The sort is stable: equals stay in the order of the table.
        found.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.partial_cmp(&b.1).unwrap_or(std::cmp::Ordering::Equal)));
        found.truncate(LIMIT);
        found.into_iter().map(|(_, _, candidate)| candidate).collect()
    }

    /// The settings that govern `timer` in the products that the end can be seen to be, whatever they are set to; at
    /// most 8. Empty when nothing identifies the end.
    pub fn settings_for(&self, timer: &Timer, seen: &Observed<'_>) -> Vec<Candidate> {
        let heard = |row: &Row| row.nominal != Nominal::Announced || seen.announced.is_some();
        let rows =
            self.rows().filter(|(_, row)| governs(row, timer) && row.closes != Closes::Silent && heard(row));
        self.settings(rows, timer.side, seen, |row, candidate| {
            let default = default_in_words(row);
            let observed = tidy(timer.seconds);
            let at_default = fits(row, timer, seen.announced).is_some()
                && (timer.side == Side::Client || announces_default(row, seen.announced) != Some(false));
            let reason = if at_default {
                format!("{} governs this; {default}", row.setting.name)
            } else if row.setting.fixed {
                format!("{default}, and {observed} s was seen")
            } else {
                let set = configured(row, timer);
                candidate.configured = Some(set);
                format!(
                    "{} governs this; {default}, and {} s would explain {observed} s",
                    row.setting.name,
                    tidy(set)
                )
            };
            candidate.reasons.push(reason);
            // Of the rows of one setting: the one at its default, then the one whose announcement fits.
            let announced = announced_fits(row, timer, seen.announced);
            u8::from(at_default) * 2 + u8::from(announced)
        })
    }

    /// The settings that say how long an end keeps idle connections, even if no timer of it was seen: what would have
    /// to be raised at a server or lowered at a client; at most 8. Empty when nothing identifies the end.
    pub fn idle_settings(&self, side: Side, seen: &Observed<'_>) -> Vec<Candidate> {
        let rows = self.rows().filter(|(_, row)| {
            row.sides.contains(&side) && row.phases.contains(&Phase::Idle) && row.closes != Closes::Silent
        });
        self.settings(rows, side, seen, |row, candidate| {
            candidate.reasons.push(default_in_words(row));
            u8::from(row.nominal != Nominal::Announced)
        })
    }

    /// One candidate for each setting of `rows` whose product is identified: the one that `judge` gives most, of
    /// equals the newest.
    fn settings<'a>(
        &self,
        rows: impl Iterator<Item = (&'a Product, &'a Row)>,
        side: Side,
        seen: &Observed<'_>,
        judge: impl Fn(&Row, &mut Candidate) -> u8,
    ) -> Vec<Candidate> {
        let mut found: Vec<(u8, Candidate)> = Vec::new();
        for (product, row) in rows {
            let Some(identity) = self.identify(product, side, seen) else { continue };
            if identity.reasons.is_empty() {
                continue;
            }
            let mut candidate = Candidate::new(product, row, identity);
            let worth = judge(row, &mut candidate);
            let same = |(_, other): &&mut (u8, Candidate)| {
                other.product == candidate.product && other.setting.name == candidate.setting.name
            };
            match found.iter_mut().find(same) {
                Some(other) if other.0 > worth => {}
                Some(other) => *other = (worth, candidate),
                None => found.push((worth, candidate)),
            }
        }
        found.sort_by_key(|(worth, candidate)| (candidate.likelihood, u8::MAX - worth));
        found.truncate(LIMIT);
        found.into_iter().map(|(_, candidate)| candidate).collect()
    }
}

/// What `Keep-Alive: timeout=` adds to an identity; `None` when it speaks against it.
fn with_announcement(
    mut identity: Identity,
    row: &Row,
    timer: &Timer,
    seen: &Observed<'_>,
) -> Option<Identity> {
    if timer.phase != Phase::Idle {
        return Some(identity);
    }
    if timer.side == Side::Client {
        if let (Nominal::Announced, Some(announced)) = (row.nominal, seen.announced) {
            identity.reasons.push(format!(
                "the responses announce timeout={announced} and the close comes {}",
                relative(timer.seconds - f64::from(announced))
            ));
        }
        return Some(identity);
    }
    match (row.announces, seen.announced) {
        (Announces::Sometimes | Announces::Always, Some(announced)) => {
            if announces_default(row, seen.announced) == Some(false) {
                return None;
            }
            let later = relative(timer.seconds - f64::from(announced));
            let why = if row.bias == 0.0 { String::new() } else { format!(", as in {}", row.versions) };
            identity
                .reasons
                .push(format!("the responses announce timeout={announced} and the close comes {later}{why}"));
            identity.likelihood = identity.likelihood.min(Likelihood::Likely);
        }
        // Who announces the time at which it closes is the one that announces.
        (Announces::Never, Some(announced))
            if identity.likelihood == Likelihood::Possible && near(timer.seconds, announced) =>
        {
            return None;
        }
        // Its responses were read and announce nothing.
        (Announces::Always, None) if identity.likelihood == Likelihood::Possible && seen.server.is_some() => {
            return None;
        }
        _ => {}
    }
    Some(identity)
}

/// Whether the announcement is that of the row's default; `None` where there is none or the row makes none.
fn announces_default(row: &Row, announced: Option<u32>) -> Option<bool> {
    let announced = announced.filter(|_| row.announces != Announces::Never)?;
    Some(matches!(row.nominal, Nominal::Seconds(seconds) if seconds.floor() as u32 == announced))
}

/// Whether the announcement is what the row would announce if it were set to close when it was seen to.
fn announced_fits(row: &Row, timer: &Timer, announced: Option<u32>) -> bool {
    row.announces != Announces::Never
        && announced.is_some_and(|announced| (configured(row, timer) - f64::from(announced)).abs() < 0.5)
}

fn near(seconds: f64, announced: u32) -> bool {
    (-0.1..=ANNOUNCED_WITHIN).contains(&(seconds - f64::from(announced)))
}

fn relative(later: f64) -> String {
    match later {
        later if later.abs() < 0.1 => "then".to_owned(),
        later if later > 0.0 => format!("{later:.1} s later"),
        earlier => format!("{:.1} s before", -earlier),
    }
}
