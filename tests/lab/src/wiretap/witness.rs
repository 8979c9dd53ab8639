//! A capture set against scripts that knew the truth themselves: it has to agree with them wherever it decides.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use super::{
    flow::Flow,
    truth::{Decided, Told, Truth, decide},
};
use crate::truth::{Close, Expect, Row, Stray};

/// How far a capture bears scripts out.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    pub agrees: usize,
    /// Closes that it does not decide, by why: how many, and one of them.
    pub undecided: BTreeMap<&'static str, (usize, String)>,
    /// What it shows otherwise than the script says.
    pub contradicts: Vec<Stray>,
}

/// Sets every close against the capture.
pub(crate) fn check(closes: &[Close], flows: &[Flow]) -> Witness {
    let mut by_ends = HashMap::<_, Vec<&Flow>>::new();
    for flow in flows {
        by_ends.entry((flow.client, flow.server)).or_default().push(flow);
    }
    let mut witness = Witness::default();
    for close in closes {
        // Scripts may reset on purpose.
        let told = Told { server_resets: true };
        let decided = match by_ends.get(&(close.client, close.server)).map(Vec::as_slice) {
            None => Decided::Undecided("not captured"),
            Some([flow]) => decide(flow, told),
            Some(_) => Decided::Undecided("two connections with the same addresses"),
        };
        match decided {
            Decided::Undecided(why) => {
                let Row { software, part } = close.row;
                let one = || (0, format!("{software} as {}, {}", part.word(), close.case));
                witness.undecided.entry(why).or_insert_with(one).0 += 1;
            }
            Decided::Known(truth) if is_the_same(&truth, &close.expect) => witness.agrees += 1,
            Decided::Known(truth) => {
                let why = format!("the script knows {}, and the capture shows {truth}", close.expect);
                witness.contradicts.push(Stray { row: close.row, case: close.case.clone(), why });
            }
        }
    }
    witness
}

fn is_the_same(truth: &Truth, expect: &Expect) -> bool {
    (truth.code(), truth.how, truth.in_flight, truth.word())
        == (expect.code(), expect.how, expect.in_flight, expect.verdict)
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agrees, undecided, contradicts } = self;
        let open: usize = undecided.values().map(|(count, _)| count).sum();
        write!(
            f,
            "the capture agrees with the script in {agrees} closes, contradicts it in {}",
            contradicts.len()
        )?;
        write!(f, ", and leaves {open} undecided")?;
        for (why, (count, one)) in undecided {
            write!(f, "\n  {count}: {why}; one is {one}")?;
        }
        Ok(())
    }
}
