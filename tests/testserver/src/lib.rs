//! Scripted connections whose endings are known, to test whatever explains how TCP connections end.
//!
//! A [`Scenario`] plays one connection (sometimes several) between a client and a server thread, with raw sockets and
//! in an exact order, and returns a [`Truth`] for each end of each close: what an observer must say about it
//! ([`Expect`]) and the addresses and clocks of that very run ([`Measured`]). Everything that chance decides is drawn
//! from the seed, so the same seed expects the same.
//!
//! ```
//! use testserver::{Family, scenario};
//!
//! let truths = scenario("client-idle").expect("it exists").play(Family::V4, 7)?;
//! assert_eq!(truths.len(), 2);
//! assert_eq!(truths[0].expect.code, "CI");
//! # Ok::<(), testserver::PlayError>(())
//! ```
//!
//! The binary of the same name prints them (`testserver play`), is a server that misbehaves to order
//! (`testserver serve`), and makes a host busy (`testserver load`).

mod destroy;
mod dial;
mod endpoint;
mod error;
mod http;
mod ledger;
mod pair;
mod plan;
mod relay;
mod scenarios;
mod stage;
mod truth;
mod wire;
mod worker;

pub use error::PlayError;
pub use scenarios::{Scenario, scenario, scenarios};
pub use truth::{End, Expect, Family, Measured, Needs, PlannedClock, Truth};
pub use wire::SlowWire;
