//! The agent against the running kernel: real probes, real sockets, real software.
//!
//! Needs root; run with `--test-threads=1`, because every agent sees the traffic of the whole host.
//! Traffic stays on loopback and in network namespaces of the tests' own.

mod adoption;
mod agent;
mod bad_input;
mod browser;
mod budget;
mod causes;
mod daemon;
mod debug_bundle;
mod gate;
mod hostile;
mod keepalive;
mod middlebox;
mod otlp;
mod page;
mod peer;
mod privileges;
mod record;
mod report;
mod requests;
mod reuse;
mod ring;
mod robust;
mod schema;
mod scrape;
mod selftest;
mod sending;
mod shut;
mod software;
mod stress;
mod two_nodes;
mod web;
mod workloads;
