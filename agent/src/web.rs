//! Who may ask the daemon: TLS and passwords, by the web configuration file of the Prometheus exporters
//! (docs/web.md).

mod access;
mod counts;
mod file;
mod guard;
mod password;
mod tls;

pub(crate) use self::guard::guard;
pub use self::{
    access::{Access, Protection, WebConfig},
    counts::{Counts, Refusal, Stats},
    file::WebConfigError,
};
