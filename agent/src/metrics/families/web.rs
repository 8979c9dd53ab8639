//! Who was refused an answer.

use super::super::family::{Family, Kind, Sets};
use crate::web::Refusal;

pub(in super::super) const FAMILIES: &[Family] = &[Family {
    name: "whohungup_web_refused",
    kind: Kind::Counter,
    unit: None,
    labels: &["reason"],
    sets: Sets::Fixed(Refusal::ALL.len()),
    help: "Connections and requests refused by --web-config-file: handshake (no TLS, or no trusted certificate), credentials (no user, or a wrong password), busy (too many passwords being compared)",
    write: |scrape, samples| {
        for (reason, refused) in Refusal::ALL.iter().zip(scrape.snapshot.web.refused) {
            samples.add(&[reason.as_str()], refused);
        }
    },
}];
