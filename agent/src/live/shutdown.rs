//! One server that stopped, as the page, the API and `top` show it: the record of the report, and it in words.

use serde::{Deserialize, Serialize};
use whohungup_core::{duration::measured, format::counted, report::shutdowns, shutdown::Shutdown};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShutdownView {
    /// The same for as long as it is kept.
    pub id: String,
    /// Who stopped, when, and what words it to.
    pub summary: String,
    /// Requests that were lost, connects that were refused, idle connections that were left; empty where there are none.
    pub cost: String,
    /// Requests and connects that were lost.
    pub lost: u64,
    /// What to do, most telling first.
    pub remedies: Vec<String>,
    /// What else is known: label and text.
    pub lines: Vec<(String, String)>,
    /// The names of its `workload` as people say them.
    pub workload_name: Option<String>,
    #[serde(flatten)]
    pub shutdown: Shutdown,
}

impl ShutdownView {
    pub fn new(shutdown: &Shutdown) -> Self {
        let pid = shutdown.process.and_then(|process| process.pid).unwrap_or_default();
        let words = shutdowns::paragraph(shutdown);
        Self {
            id: format!("{}/{}/{pid}", shutdown.time, shutdown.server_port),
            summary: words.what,
            cost: words.cost,
            lost: shutdown.lost(),
            remedies: words.remedies,
            lines: lines(shutdown),
            workload_name: shutdown.workload.as_ref().map(ToString::to_string),
            shutdown: shutdown.clone(),
        }
    }
}

fn lines(shutdown: &Shutdown) -> Vec<(String, String)> {
    let connections = || {
        let ended = counted(shutdown.ended, "connection");
        format!("{ended} ended after that without a loss, {} of them left idle", shutdown.idle_left)
    };
    // Seconds before the listener's end, and after it.
    let accept = shutdown.last_accept.map(|before| when(-before));
    let request = shutdown.last_request.map(when);
    let lines = [
        ("last accept", accept),
        ("last request", request),
        ("open then", (shutdown.ended > 0).then(connections)),
        ("since then", shutdown.replaced.then(|| "another process listens at the port".to_owned())),
    ];
    let known = lines.into_iter().filter_map(|(label, text)| Some((label.to_owned(), text?)));
    known.collect()
}

fn when(after: f64) -> String {
    if after < 0.0 {
        return format!("{} before it stopped listening", measured(-after));
    }
    format!("{} after it stopped listening", measured(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::example::stopped;

    #[test]
    fn a_shutdown_is_said_with_its_cost_and_what_to_do() {
        let view = ShutdownView::new(&stopped(8080, "node", 3));
        assert_eq!(view.id, "1970-01-01T00:00:00Z/8080/42");
        assert_eq!(view.summary, "00:00:00 node stopped listening on port 8080, SIGTERM 1.00 s before");
        assert_eq!((view.cost.as_str(), view.lost, view.remedies.len()), ("3 connects refused", 3, 1));
        assert!(view.remedies[0].contains("keep listening") || view.remedies[0].contains("Keep listening"));
        let accept = ("last accept".to_owned(), "0.50 s before it stopped listening".to_owned());
        assert_eq!(view.lines, [accept]);
        let quiet = ShutdownView::new(&stopped(8080, "node", 0));
        assert_eq!((quiet.cost.as_str(), quiet.lost, quiet.remedies.len()), ("", 0, 0));
    }
}
