//! What a capture of the wire proves of the traps' connections, against what the plays claim of them.

use std::collections::HashMap;

use super::trap::Claim;
use crate::wiretap::{
    flow::Flow,
    truth::{Decided, Told, Truth, decide},
};

/// How far the wire bears a play out.
#[derive(Debug, Default)]
pub(super) struct Witness {
    /// Connections of which the capture shows what was claimed.
    pub(super) agrees: usize,
    /// Connections of which it proves nothing: TLS, other protocols, moments too close to call.
    pub(super) undecided: usize,
    /// What it shows otherwise.
    pub(super) contradicts: Vec<String>,
}

/// Sets every connection that the claims are about against the capture.
pub(super) fn check(claims: &[Claim], flows: &[Flow]) -> Witness {
    let mut witness = Witness::default();
    let mut before = HashMap::new();
    for flow in flows {
        let number: &mut usize = before.entry((flow.client, flow.server)).or_default();
        let about: Vec<_> = about(claims, flow, *number).collect();
        *number += 1;
        if about.is_empty() {
            continue;
        }
        // A script that resets does so on purpose.
        match decide(flow, Told { server_resets: true }) {
            Decided::Undecided(_) => witness.undecided += 1,
            Decided::Known(truth) if about.iter().any(|claim| is_claimed(claim, &truth)) => {
                witness.agrees += 1;
            }
            Decided::Known(truth) => {
                let shown = format!("{} -> {}: {truth}", flow.client, flow.server);
                witness.contradicts.push(shown);
            }
        }
    }
    witness
}

/// The claims that are about this connection, the `number`th of its addresses.
fn about<'a>(claims: &'a [Claim], flow: &'a Flow, number: usize) -> impl Iterator<Item = &'a Claim> {
    let at_server = || claims.iter().filter(|claim| claim.server == flow.server && *claim.closes.end() > 0);
    let is_named = at_server().any(|claim| claim.client == Some(flow.client));
    at_server()
        .filter(move |claim| claim.client == if is_named { Some(flow.client) } else { None })
        .filter(move |claim| claim.nth.is_none_or(|nth| nth == number))
}

fn is_claimed(claim: &Claim, truth: &Truth) -> bool {
    claim.verdicts.contains(&truth.verdict)
        && claim.closer.is_none_or(|closer| closer == truth.closer.word())
        && (claim.phases.is_empty() || claim.phases.contains(&truth.phase.word()))
        && claim.how.is_none_or(|how| how == truth.how.word())
}
