//! Label sets. Values are closed sets, or bounded by [`super::endpoints`].

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;

use crate::close::words::Verdict;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CloseLabels {
    pub(super) role: &'static str,
    pub(super) server_port: Arc<str>,
    pub(super) process: Arc<str>,
    pub(super) verdict: &'static str,
    pub(super) closer: &'static str,
    pub(super) cause: &'static str,
    pub(super) how: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RaceLabels {
    pub(super) kind: &'static str,
    pub(super) role: &'static str,
    pub(super) server_port: Arc<str>,
    pub(super) process: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) role: &'static str,
    pub(super) server_port: Arc<str>,
    pub(super) process: Arc<str>,
    pub(super) basis: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct UnansweredLabels {
    role: &'static str,
    server_port: Arc<str>,
    process: Arc<str>,
    basis: &'static str,
    verdict: &'static str,
}

impl UnansweredLabels {
    pub(super) fn new(labels: RequestLabels, verdict: Verdict) -> Self {
        let RequestLabels { role, server_port, process, basis } = labels;
        Self { role, server_port, process, basis, verdict: verdict.as_str() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct IdleLabels {
    pub(super) role: &'static str,
    pub(super) closer: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AgeLabels {
    pub(super) role: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OpenLabels {
    pub(super) role: &'static str,
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TableLabels {
    pub(super) table: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ProgramLabels {
    pub(super) program: &'static str,
}
