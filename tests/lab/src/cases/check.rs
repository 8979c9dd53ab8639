//! What must hold of a stage, and whether it does.

use std::fmt::{Debug, Display};

#[derive(Debug, Clone, serde::Serialize)]
pub struct Check {
    /// What must hold, in words.
    pub what: String,
    pub holds: bool,
    /// What was found, with its figures.
    pub found: String,
}

#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) all: Vec<Check>,
}

impl Checks {
    pub(super) fn that(&mut self, what: impl Display, holds: bool, found: impl Display) {
        self.all.push(Check { what: what.to_string(), holds, found: found.to_string() });
    }

    /// Two that must say the same.
    pub(super) fn same<T: PartialEq + Debug>(&mut self, what: impl Display, one: &T, other: &T) {
        let found = if one == other { format!("{one:?}") } else { format!("{one:?} against {other:?}") };
        self.that(what, one == other, found);
    }

    /// That a number of seconds is what it should be, within a share and the kernel's tick.
    pub(super) fn about(&mut self, what: impl Display, found: Option<f64>, seconds: f64, share: f64) {
        const TICK: f64 = 0.03;
        let holds = found.is_some_and(|found| (found - seconds).abs() <= seconds * share + TICK);
        self.that(what, holds, found.map_or("none".to_owned(), |found| format!("{found:.3} s")));
    }
}
