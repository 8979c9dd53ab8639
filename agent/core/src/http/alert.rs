//! TLS alerts (RFC 8446 section 6) with which handshakes fail.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::labels::Side;

/// The alert with which a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsAlert {
    pub by: Side,
    /// Its description's number; `None` where it was encrypted.
    pub number: Option<u8>,
    /// The number's name; `None` where it has none.
    pub name: Option<String>,
}

impl TlsAlert {
    pub(crate) fn new(by: Side, number: Option<u8>) -> Self {
        Self { by, number, name: number.and_then(name).map(str::to_owned) }
    }
}

impl fmt::Display for TlsAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {}'s TLS alert ended the handshake: ", self.by)?;
        match (self.number, &self.name) {
            (Some(number), Some(name)) => write!(f, "{name} ({number})"),
            (Some(number), None) => write!(f, "number {number}"),
            (None, _) => write!(f, "encrypted, so which is not known"),
        }
    }
}

/// The IANA registry of TLS alerts.
fn name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return None,
    })
}
