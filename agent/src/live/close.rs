//! One close as the page, the API and `top` show it: the record that every output shares (docs/json.md), numbered.

use serde::{Deserialize, Serialize};

use super::{kept::KeptClose, say};
use whohungup_core::close::ClosedConnection;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberedClose {
    /// Counted from 1 since the agent began.
    pub number: u64,
    /// What happened, in a sentence.
    pub summary: String,
    #[serde(flatten)]
    pub close: ClosedConnection,
}

impl NumberedClose {
    pub fn new(kept: &KeptClose) -> Self {
        Self { number: kept.number, summary: say::close(&kept.close), close: kept.close.clone() }
    }
}
