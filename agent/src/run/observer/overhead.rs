//! What the agent and its programs take of a processor, against what they may take.

use crate::{
    cli::OverheadBudget,
    metrics::{Overhead, Reading},
};

/// Readings in a row after which it is said: the budget is for the usual load, and not for one burst.
const IN_A_ROW: u32 = 4;
/// Of the budget; only below it the budget is kept again, so that it is not said every minute.
const CLEARLY_BELOW: f64 = 0.8;

#[derive(Debug)]
pub(super) struct Budget {
    shown: Overhead,
    /// Readings in a row that contradict `is_over`.
    contrary: u32,
}

impl Budget {
    pub(super) fn new(OverheadBudget(budget): OverheadBudget) -> Self {
        Self { shown: Overhead { budget, newest: None, is_over: false }, contrary: 0 }
    }

    pub(super) fn set(&mut self, OverheadBudget(budget): OverheadBudget) {
        self.shown.budget = budget;
    }

    pub(super) fn shown(&self) -> Overhead {
        self.shown
    }

    /// The newest reading contradicts what is shown: the next ones decide.
    pub(super) fn is_contrary(&self) -> bool {
        self.contrary > 0
    }

    pub(super) fn note(&mut self, reading: Reading) {
        self.shown.newest = Some(reading);
        let (taken, budget) = (reading.programs + reading.agent, self.shown.budget);
        let is_contrary = if self.shown.is_over { taken < budget * CLEARLY_BELOW } else { taken > budget };
        self.contrary = if is_contrary { self.contrary + 1 } else { 0 };
        if self.contrary < IN_A_ROW {
            return;
        }
        (self.shown.is_over, self.contrary) = (!self.shown.is_over, 0);
        let percent = |share: f64| (share * 1000.0).round() / 10.0;
        let (programs, agent, budget) = (percent(reading.programs), percent(reading.agent), percent(budget));
        if self.shown.is_over {
            tracing::warn!(
                programs,
                agent,
                budget,
                "over the overhead budget (per cent of one core): messages of fewer connections are read from now on; \
                 --http-inspection off costs least, or raise --overhead-budget"
            );
        } else {
            tracing::info!(
                programs,
                agent,
                budget,
                "within the overhead budget again (per cent of one core)"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(budget: &mut Budget, shares: &[f64]) -> bool {
        for &share in shares {
            budget.note(Reading { programs: share - 0.001, agent: 0.001, http: 0.0 });
        }
        budget.shown().is_over
    }

    #[test]
    fn a_burst_is_not_over_the_budget_and_a_lull_does_not_end_it() {
        let mut budget = Budget::new(OverheadBudget(0.02));
        assert_eq!(budget.shown().newest, None);
        assert!(!noted(&mut budget, &[0.5, 0.5, 0.5, 0.019, 0.5, 0.5, 0.5]), "a burst");
        assert!(noted(&mut budget, &[0.021]), "four in a row");
        assert!(noted(&mut budget, &[0.001, 0.001, 0.001, 0.017, 0.001, 0.001, 0.001]), "a lull");
        assert!(noted(&mut budget, &[0.019, 0.017, 0.019, 0.017, 0.019]), "not clearly below");
        assert!(!noted(&mut budget, &[0.001, 0.002, 0.015, 0.001]));
    }
}
