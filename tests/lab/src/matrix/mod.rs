//! Many servers by many clients.

#[allow(dead_code, reason = "nothing is played yet")]
mod clients;
