//! What one close was: the facts, and the verdict drawn from them. Pure code on plain values.

pub mod classify;
mod community_id;
mod conversation;
mod dropped;
mod early_answer;
mod ending;
mod evidence;
pub mod facts;
mod farewell;
mod flow_id;
mod given_up;
mod goodbye;
mod half_close;
mod lost;
mod middlebox;
mod phase;
mod race;
pub mod record;
mod records;
mod request_totals;
mod ruling;
#[cfg(test)]
pub(crate) mod sample;
mod tls_plaintext;
mod unheard;
mod unsent;
mod websocket;
mod words;

pub use classify::{EvidenceDetail, Identity, Judgement, LateRequests, Options, judge};
pub use community_id::CommunityId;
pub use dropped::{AT_ONCE_SECONDS, is_dropped_at_once};
pub use facts::{Facts, Plaintext, Resets};
pub use flow_id::FlowId;
pub use half_close::ClosingHabit;
pub(crate) use half_close::{closing_habit, is_at_once};
pub use lost::{Loss, LossReason, loss};
pub use middlebox::woken_at;
pub use record::{CloseId, ClosedBy, ClosedConnection, Code, KeepAlive, Peer, SCHEMA};
pub use request_totals::{RequestDelta, RequestTotals};
