//! A capture set against scripts that knew the truth themselves: it has to agree with them wherever it decides.

use std::{collections::HashMap, fmt};

use super::{
    decide::{Decided, Script, decide},
    flow::Flow,
};
use crate::{
    table::Undecided,
    truth::{Connection, Truth},
};

/// How far a capture bears scripts out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agreement {
    pub(crate) agrees: usize,
    /// Connections that it does not decide.
    pub(crate) undecided: Undecided,
    /// What it shows otherwise than the script knows it.
    pub(crate) contradicts: Vec<String>,
}

impl Agreement {
    /// Sets every connection against the capture.
    pub(crate) fn of(connections: &[Connection], flows: &[Flow]) -> Self {
        let mut by_ends = HashMap::<_, Vec<&Flow>>::new();
        for flow in flows {
            by_ends.entry((flow.client, flow.server)).or_default().push(flow);
        }
        let mut agreement = Self::default();
        for Connection { label, group, client, server, truth: known, .. } in connections {
            let decided = match by_ends.get(&(*client, *server)).map(Vec::as_slice) {
                None => Err("not captured"),
                // Scripts may reset on purpose.
                Some([flow]) => decide(flow, Script { server_resets: true, ..Script::default() }),
                Some(_) => Err("two connections with the same addresses"),
            };
            let what = format!("{} {label}, which ended as {known}", group.join(" "));
            let essence = |truth: &Truth| (truth.code(), truth.close_type, truth.in_flight, truth.word());
            agreement.add(decided, what, |shown| essence(shown) == essence(known));
        }
        agreement
    }

    pub(crate) fn add(&mut self, decided: Decided, what: String, is_known: impl FnOnce(&Truth) -> bool) {
        match decided {
            Err(why) => self.undecided.add(why, what),
            Ok(truth) if is_known(&truth) => self.agrees += 1,
            Ok(truth) => self.contradicts.push(format!("{what}: the capture shows {truth}")),
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agrees, undecided, contradicts } = self;
        let (against, open) = (contradicts.len(), undecided.count());
        writeln!(
            f,
            "the capture agrees with the scripts in {agrees} closes, contradicts {against}, and leaves {open} undecided"
        )?;
        write!(f, "{undecided}")
    }
}
