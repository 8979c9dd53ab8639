//! What a timer can be, and which settings govern it.

use serde::{Deserialize, Serialize};

use super::{
    Announces, Closes, Nominal, Observed, Product, Products, Row,
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

/// A product that has such a timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub product: String,
    /// For which versions, in words.
    pub versions: String,
    pub setting: String,
    pub likelihood: Likelihood,
    pub reasons: Vec<String>,
    pub source: String,
}

/// A row that may be the timer that was seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Match<'a> {
    pub(super) product: &'a Product,
    pub(super) row: &'a Row,
    pub(super) likelihood: Likelihood,
    pub(super) reasons: Vec<String>,
    /// What it seems to be set to, seconds, where that is not its default.
    pub(super) configured: Option<f64>,
}

impl<'a> Match<'a> {
    fn new(product: &'a Product, row: &'a Row, identity: Identity) -> Self {
        let Identity { likelihood, reasons } = identity;
        Self { product, row, likelihood, reasons, configured: None }
    }

    pub(super) fn into_candidate(self) -> Candidate {
        Candidate {
            product: self.product.name.clone(),
            versions: self.row.versions.clone(),
            setting: self.row.setting.name.clone(),
            likelihood: self.likelihood,
            reasons: self.reasons,
            source: self.row.source.clone(),
        }
    }
}

impl Products {
    /// Which products `timer` can be, likeliest first, at most 8. Empty when nothing fits.
    pub fn candidates(&self, timer: &Timer, observed: &Observed<'_>) -> Vec<Candidate> {
        let mut found = self.defaults_matching(timer, observed);
        // A program that is known and not at its default is configured: then its setting says more than the defaults of
        // products that nothing points to. A default on what the program runs on says more still: Node brings undici.
        if found.iter().all(|found| found.likelihood == Likelihood::Possible) {
            let mut configured = self.settings_for(timer, observed);
            configured.retain(|found| found.likelihood != Likelihood::Possible);
            if !configured.is_empty() {
                found.retain(|found| !found.reasons.is_empty());
                found.append(&mut configured);
            }
        }
        found.truncate(LIMIT);
        found.into_iter().map(Match::into_candidate).collect()
    }

    /// The timers that, at their defaults, close as `timer` does, best first, at most 8. Without anything that
    /// identifies the end, each is only [`Likelihood::Possible`].
    pub(super) fn defaults_matching(&self, timer: &Timer, observed: &Observed<'_>) -> Vec<Match<'_>> {
        let mut found: Vec<_> = self
            .rows()
            .filter(|(_, row)| governs(row, timer))
            .filter_map(|(product, row)| {
                let fit = fits(row, timer, observed.announced)?;
                let identity = self.identify(product, row, timer.side, observed)?;
                let identity = with_announcement(identity, row, timer, observed)?;
                Some((fit, Match::new(product, row, identity)))
            })
            .collect();
        // The sort is stable: equals stay in the order of the table.
        found.sort_by(|(a_fit, a), (b_fit, b)| {
            let fit = a_fit.partial_cmp(b_fit).unwrap_or(std::cmp::Ordering::Equal);
            a.likelihood.cmp(&b.likelihood).then(fit)
        });
        found.truncate(LIMIT);
        found.into_iter().map(|(_, found)| found).collect()
    }

    /// The settings that govern `timer` in the products that the end can be seen to be, whatever they are set to; at
    /// most 8. Empty when nothing identifies the end.
    pub(super) fn settings_for(&self, timer: &Timer, observed: &Observed<'_>) -> Vec<Match<'_>> {
        let rows = self.rows().filter(|(_, row)| {
            governs(row, timer)
                && row.closes != Closes::Silent
                && (row.nominal != Nominal::Announced || observed.announced.is_some())
        });
        self.settings(rows, timer.side, observed, |row, found| {
            let default = default_in_words(row);
            let seconds = tidy(timer.seconds);
            let at_default = fits(row, timer, observed.announced).is_some()
                && (timer.side == Side::Client || announces_default(row, observed.announced) != Some(false));
            let reason = if at_default {
                format!("{} governs this; {default}", row.setting.name)
            } else if row.setting.fixed {
                format!("{default}, but {seconds} s was observed")
            } else {
                let set = configured(row, timer);
                found.configured = Some(set);
                format!(
                    "{} governs this; {default}, and {} s would explain {seconds} s",
                    row.setting.name,
                    tidy(set)
                )
            };
            found.reasons.push(reason);
            // Of the rows of one setting: the one at its default, then the one whose announcement fits.
            let announced = announced_fits(row, timer, observed.announced);
            u8::from(at_default) * 2 + u8::from(announced)
        })
    }

    /// The settings that say how long an end keeps idle connections, even if no timer of it was seen: what would have
    /// to be raised at a server or lowered at a client; at most 8. Empty when nothing identifies the end.
    pub(super) fn idle_settings(&self, side: Side, observed: &Observed<'_>) -> Vec<Match<'_>> {
        let rows = self.rows().filter(|(_, row)| {
            row.sides.contains(&side) && row.phases.contains(&Phase::Idle) && row.closes != Closes::Silent
        });
        self.settings(rows, side, observed, |row, found| {
            found.reasons.push(default_in_words(row));
            u8::from(row.nominal != Nominal::Announced)
        })
    }

    /// One match for each setting of `rows` whose product is identified: the one to which `rank` gives most, of equals
    /// the newest.
    fn settings<'a>(
        &self,
        rows: impl Iterator<Item = (&'a Product, &'a Row)>,
        side: Side,
        observed: &Observed<'_>,
        rank: impl Fn(&Row, &mut Match<'a>) -> u8,
    ) -> Vec<Match<'a>> {
        let mut ranked: Vec<(u8, Match<'a>)> = Vec::new();
        for (product, row) in rows {
            let Some(identity) = self.identify(product, row, side, observed) else { continue };
            if identity.reasons.is_empty() {
                continue;
            }
            let mut new = Match::new(product, row, identity);
            let new_rank = rank(row, &mut new);
            let same_setting = ranked.iter_mut().find(|(_, other)| {
                other.product.name == product.name && other.row.setting.name == row.setting.name
            });
            match same_setting {
                Some((rank, _)) if *rank > new_rank => {}
                Some(other) => *other = (new_rank, new),
                None => ranked.push((new_rank, new)),
            }
        }
        ranked.sort_by_key(|(rank, found)| (found.likelihood, u8::MAX - rank));
        ranked.truncate(LIMIT);
        ranked.into_iter().map(|(_, found)| found).collect()
    }
}

/// What `Keep-Alive: timeout=` adds to an identity; `None` when it speaks against it.
fn with_announcement(
    mut identity: Identity,
    row: &Row,
    timer: &Timer,
    observed: &Observed<'_>,
) -> Option<Identity> {
    if timer.phase != Phase::Idle {
        return Some(identity);
    }
    if timer.side == Side::Client {
        if let (Nominal::Announced, Some(announced)) = (row.nominal, observed.announced) {
            identity.reasons.push(format!(
                "the responses announce timeout={announced} and the close comes {}",
                relative(timer.seconds - f64::from(announced))
            ));
        }
        return Some(identity);
    }
    match (row.announces, observed.announced) {
        (Announces::Sometimes | Announces::Always, Some(announced)) => {
            if announces_default(row, observed.announced) == Some(false) {
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
        (Announces::Always, None)
            if identity.likelihood == Likelihood::Possible && observed.server.is_some() =>
        {
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
