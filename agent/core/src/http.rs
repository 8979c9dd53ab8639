//! Where an exchange stands, from what the probes followed of it. Pure code on plain values.

mod alert;
mod exchange;
mod goaway;
mod head;
pub mod tls;
mod trace_context;
mod websocket;

pub(crate) use head::request_field;

pub use alert::TlsAlert;
pub use exchange::{BodyProgress, ExchangeState, Written, is_read, read};
pub use goaway::{Cut, Goaway};
pub use trace_context::{SpanId, TraceContext, TraceId};
pub use websocket::{CloseFrame, Opcode, SentFrames, WebSocket};
