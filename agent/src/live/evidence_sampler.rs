//! How much of the evidence is put into words: all of it on a quiet host, on a busy one what may be looked at.

use whohungup_core::close::EvidenceDetail;

/// Closes of one turn of the observer (25 ms) up to which all are reported.
const ALL: u32 = 25;
/// Closes in trouble of one turn up to which all of those are reported.
const TROUBLE: u32 = 50;
/// Above that it is done in one turn of so many.
const SAMPLED: u32 = 8;

/// Looks at the turn before: what came then comes now.
#[derive(Clone, Copy, Debug, Default)]
pub struct EvidenceSampler {
    closes: u32,
    trouble: u32,
    turn: u32,
}

impl EvidenceSampler {
    pub fn count(&mut self, is_trouble: bool) {
        self.closes = self.closes.saturating_add(1);
        self.trouble = self.trouble.saturating_add(u32::from(is_trouble));
    }

    /// Ends a turn, and says what is reported in the next.
    pub fn turn(&mut self) -> EvidenceDetail {
        let Self { closes, trouble, turn } = *self;
        *self = Self { turn: turn.wrapping_add(1), ..Self::default() };
        match (closes <= ALL, trouble <= TROUBLE) {
            (true, _) => EvidenceDetail::All,
            (false, true) => EvidenceDetail::FailuresOnly,
            (false, false) if turn.is_multiple_of(SAMPLED) => EvidenceDetail::FailuresOnly,
            (false, false) => EvidenceDetail::Off,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(sampler: &mut EvidenceSampler, ordinary: u32, trouble: u32) -> EvidenceDetail {
        (0..ordinary).for_each(|_| sampler.count(false));
        (0..trouble).for_each(|_| sampler.count(true));
        sampler.turn()
    }

    #[test]
    fn a_busy_host_tells_of_trouble_only_and_a_quiet_one_of_everything_again() {
        let mut sampler = EvidenceSampler::default();
        assert_eq!(turn(&mut sampler, 25, 0), EvidenceDetail::All);
        assert_eq!(turn(&mut sampler, 500, 3), EvidenceDetail::FailuresOnly);
        assert_eq!(turn(&mut sampler, 0, 0), EvidenceDetail::All);
    }

    #[test]
    fn a_flood_of_trouble_is_sampled() {
        let mut sampler = EvidenceSampler::default();
        let reported =
            (0..80).filter(|_| turn(&mut sampler, 0, 1000) == EvidenceDetail::FailuresOnly).count();
        assert_eq!(reported, 10);
    }
}
