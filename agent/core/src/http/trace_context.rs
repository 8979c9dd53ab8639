//! W3C Trace Context: of which trace a request is, by its `traceparent` field (<https://www.w3.org/TR/trace-context/>).

use std::{fmt, str::FromStr};

use super::head;
use crate::text::serde_as_text;

/// The trace and the span that a request was sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub trace_id: TraceId,
    pub span_id: SpanId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

impl TraceContext {
    /// What the first bytes of a request say.
    pub(super) fn of_request(head: &[u8]) -> Option<Self> {
        let field = head::request_field(head, "traceparent")?;
        str::from_utf8(field).ok().and_then(Self::parse)
    }

    /// `version-trace_id-parent_id-flags`; later versions may go on after another dash.
    fn parse(field: &str) -> Option<Self> {
        let mut parts = field.trim().split('-');
        let [version, trace_id, span_id, flags] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        let known = match version {
            "00" => parts.next().is_none(),
            "ff" => false,
            later => is_lower_hex(later) && later.len() == 2,
        };
        let is_whole = known && flags.len() == 2 && is_lower_hex(flags);
        let (trace_id, span_id) = (trace_id.parse().ok()?, span_id.parse().ok()?);
        is_whole.then_some(Self { trace_id, span_id })
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Bytes in lower-case hexadecimal, not all of them zero.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !is_lower_hex(text) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    (bytes != [0; N]).then_some(bytes)
}

macro_rules! id {
    ($name:ident, $what:literal) => {
        impl $name {
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                bytes(text).map(Self).ok_or_else(|| format!(concat!("`{}` is no id of a ", $what), text))
            }
        }

        serde_as_text!($name);
    };
}

id!(TraceId, "trace");
id!(SpanId, "span");

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_request_names_its_trace() {
        let head =
            format!("GET / HTTP/1.1\r\nHost: a\r\nTraceparent: 00-{TRACE}-{SPAN}-01\r\nAccept: */*\r\n");
        let context = TraceContext::of_request(head.as_bytes()).expect("a trace");
        assert_eq!((context.trace_id.to_string(), context.span_id.to_string()), (TRACE.into(), SPAN.into()));
        let cut = head.split_once("-01").expect("flags").0;
        assert_eq!(TraceContext::of_request(cut.as_bytes()), None);
    }

    #[test]
    fn what_is_no_trace_context_is_none() {
        let zero = "0".repeat(32);
        for wrong in [
            String::new(),
            format!("00-{zero}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-é"),
            format!("0é-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(TraceContext::parse(&wrong), None, "{wrong}");
        }
        assert!(TraceContext::parse(&format!("01-{TRACE}-{SPAN}-01-more")).is_some(), "a later version");
    }
}
