//! The independent witness: a capture of the wire by `dumpcap`, read by `tshark`, and what it proves about each
//! connection. Nothing of the agent's is used for it.

pub(crate) mod agreement;
pub(crate) mod capture;
pub(crate) mod decide;
pub(crate) mod flow;
mod lost;
mod read;

#[cfg(test)]
mod tests;
