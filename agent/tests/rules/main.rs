//! The rules for Prometheus: they say what the docs say, name what there is, and fire when they should.
//!
//! Needs no root. What `promtool` says is left out where it is not installed, but not in CI.

mod alert;
mod documented;
mod kubernetes;
mod promtool;
mod repository;
mod runbooks;
mod sources;
mod style;
