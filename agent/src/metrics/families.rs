//! The families by what they tell of.

pub(super) mod agent;
pub(super) mod closes;
pub(super) mod connections;
pub(super) mod cost;
pub(super) mod otlp;
pub(super) mod record;
pub(super) mod requests;
pub(super) mod timeouts;
pub(super) mod web;
