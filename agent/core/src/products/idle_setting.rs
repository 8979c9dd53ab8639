//! The setting that says how long a program keeps idle connections.

use super::{Likelihood, Nominal, Observed, Products};
use crate::labels::Side;

/// A program's setting for idle connections, with a value for it.
#[derive(Clone, Debug, PartialEq)]
pub struct IdleSetting {
    pub product: String,
    /// `None` when the program has no such setting.
    pub name: Option<String>,
    /// The value, as it is written in the program's configuration. Without a setting: what to do instead.
    pub written: String,
    /// What else must be known to use it.
    pub note: Option<String>,
    /// Seconds that it takes at least, where the value is less.
    pub least: Option<f64>,
    pub default: IdleDefault,
}

/// When a program closes an idle connection by default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IdleDefault {
    /// Seconds.
    After(f64),
    Never,
    /// It follows what the other end announces.
    Announced,
}

impl Products {
    /// The setting for idle connections of the program at the end `side`, with `seconds` written in its format. `None`
    /// when nothing identifies the program. Of several settings of one product it is the first that takes that value.
    pub fn idle_setting(&self, side: Side, observed: &Observed<'_>, seconds: f64) -> Option<IdleSetting> {
        let matches = self.idle_settings(side, observed);
        let known = || matches.iter().filter(|found| found.likelihood != Likelihood::Possible);
        let first = known().next()?;
        let mut own = known().filter(|found| found.product.name == first.product.name);
        let best = own.find(|found| found.row.setting.takes(seconds)).unwrap_or(first);
        let setting = &best.row.setting;
        Some(IdleSetting {
            product: best.product.name.clone(),
            name: (!setting.fixed).then(|| setting.name.clone()),
            written: setting.value_in(seconds),
            note: best.row.note.clone(),
            least: setting.least.filter(|least| !setting.fixed && seconds < *least),
            default: match best.row.nominal {
                Nominal::Seconds(seconds) => IdleDefault::After(seconds + best.row.bias),
                Nominal::Never => IdleDefault::Never,
                Nominal::Announced => IdleDefault::Announced,
            },
        })
    }
}
