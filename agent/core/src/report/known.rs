//! The built-in knowledge base, asked in the report's terms.

use super::{
    lore::{IdleDefault, Knob, Lore, Seen},
    model::{Candidate, Likelihood},
};
use crate::{
    endpoint::Timer,
    products::{self, Knowledge, Nominal, Observed},
};

impl Lore for Knowledge {
    fn candidates(&self, timer: &Timer, seen: &Seen<'_>) -> Vec<Candidate> {
        let observed = observed(seen);
        let mut found = Self::candidates(self, timer, &observed);
        // A program that is known and not at its default is configured: then its setting says more than the defaults of
        // products that nothing points to. A default on what the program runs on says more still: Node brings undici.
        if found.iter().all(|candidate| candidate.likelihood == products::Likelihood::Possible) {
            let mut configured = self.settings_for(timer, &observed);
            configured.retain(|candidate| candidate.likelihood != products::Likelihood::Possible);
            if !configured.is_empty() {
                found.retain(|candidate| !candidate.reasons.is_empty());
                found.append(&mut configured);
            }
        }
        found.into_iter().map(candidate).collect()
    }

    fn idle_knob(&self, seen: &Seen<'_>, seconds: f64) -> Option<Knob> {
        let found = self.idle_settings(seen.side, &observed(seen));
        let best = found.into_iter().find(|found| found.likelihood != products::Likelihood::Possible)?;
        Some(Knob {
            default: self.idle_default(&best),
            written: Some(best.setting.value_in(seconds)),
            setting: (!best.setting.fixed).then_some(best.setting.name),
            product: best.product,
            note: best.note,
        })
    }
}

impl Knowledge {
    fn idle_default(&self, found: &products::Candidate) -> IdleDefault {
        if let Some(seconds) = found.default {
            return IdleDefault::After(seconds + found.bias);
        }
        let never = self.rows().any(|(product, row)| {
            product.name == found.product
                && row.setting.name == found.setting.name
                && row.versions == found.versions
                && row.nominal == Nominal::Never
        });
        if never { IdleDefault::Never } else { IdleDefault::NotKnown }
    }
}

fn observed<'a>(seen: &Seen<'a>) -> Observed<'a> {
    Observed {
        program: seen.program,
        process: seen.process,
        server: seen.server,
        announced: seen.announced,
        own: !seen.process.is_empty() || seen.program.is_some(),
    }
}

fn candidate(found: products::Candidate) -> Candidate {
    Candidate {
        product: found.product,
        versions: found.versions,
        setting: found.setting.name,
        likelihood: match found.likelihood {
            products::Likelihood::Named => Likelihood::Named,
            products::Likelihood::Likely => Likelihood::Likely,
            products::Likelihood::Possible => Likelihood::Possible,
        },
        reasons: found.reasons,
        source: found.source,
    }
}
