//! Why the API could not be asked, and what to do about it.

use std::{io, path::PathBuf, time::Duration};

use thiserror::Error;
use whohungup_core::sanitize::clean;

whohungup_core::label_set! {
    /// Closed, for a label.
    pub enum FailureReason {
        /// No API server is known.
        Address,
        /// The service account's files cannot be read or used.
        Credentials,
        Connect,
        Tls,
        Timeout,
        /// 401.
        Unauthorized,
        /// 403.
        Forbidden,
        /// Another status that is no success.
        Status,
        /// It broke off, or what it said cannot be read.
        Protocol,
    }
}

#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error(
        "no API server is known: run in a pod, where Kubernetes sets KUBERNETES_SERVICE_HOST, or set --kubernetes-api"
    )]
    Address,
    #[error(
        "{path}: {why}; mount a service account's token (automountServiceAccountToken), or set --service-account"
    )]
    Credentials { path: PathBuf, why: String },
    #[error("connect to {0}: {1}; is a network policy in the way?")]
    Connect(String, io::Error),
    #[error("TLS with {0}: {1}")]
    Tls(String, io::Error),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("{}", refusal(*.0, .1))]
    Refused(u16, String),
    /// The version to go on from is too old: the watch begins anew.
    #[error("the version to go on from is too old")]
    Gone,
    #[error("it broke off, or cannot be read: {0}")]
    Protocol(String),
}

impl Failure {
    pub(super) const fn reason(&self) -> FailureReason {
        match self {
            Self::Address => FailureReason::Address,
            Self::Credentials { .. } => FailureReason::Credentials,
            Self::Connect(..) => FailureReason::Connect,
            Self::Tls(..) => FailureReason::Tls,
            Self::Timeout(_) => FailureReason::Timeout,
            Self::Refused(401, _) => FailureReason::Unauthorized,
            Self::Refused(403, _) => FailureReason::Forbidden,
            Self::Refused(..) => FailureReason::Status,
            Self::Gone | Self::Protocol(_) => FailureReason::Protocol,
        }
    }

    pub(super) fn refused(status: u16, said: &str) -> Self {
        if status == 410 { Self::Gone } else { Self::Refused(status, clean(said, 200)) }
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        let mut text = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            text = format!("{text}: {source}");
        }
        Self::Protocol(text)
    }
}

fn refusal(status: u16, said: &str) -> String {
    let remedy = match status {
        401 => "; the token is not valid there",
        403 => "; the service account needs the verb `watch` on `pods` (docs/kubernetes.md)",
        _ => "",
    };
    format!("status {status}: {said}{remedy}")
}
