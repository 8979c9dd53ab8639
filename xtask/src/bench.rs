//! `cargo xtask bench`: what the agent costs. Not part of the binary yet.
