//! How many requests were lost, to what, and when the last one was: the same words wherever the figure stands.

use jiff::Timestamp;

use crate::{
    advice::{Meta, ReportModel},
    close::LossReason,
    duration::measured,
    endpoint::Losses,
    format::counted,
    sanitize::clean,
};

/// Longer ago than this, "none since" is worth saying (seconds).
const A_WHILE: f64 = 60.0;

/// `3 requests lost: 2 to idle closes, 1 refused connect`; `None` where none was.
pub fn lost(losses: &Losses) -> Option<String> {
    if losses.requests == 0 {
        return None;
    }
    let parts: Vec<_> = losses.by.iter().map(|&(reason, count)| to_what(reason, count)).collect();
    let retried = match losses.retried {
        0 => String::new(),
        count => format!(" ({count} of them retried successfully)"),
    };
    Some(format!("{} lost: {}{retried}", counted(losses.requests, "request"), parts.join(", ")))
}

/// `last 12:01:03, none for 20.0 min`; `until` is RFC 3339.
pub fn last(losses: &Losses, until: &str) -> Option<String> {
    let last = losses.last?;
    let at = last.strftime("%H:%M:%S");
    let since = until.parse::<Timestamp>().ok().map(|until| until.duration_since(last).as_secs_f64());
    Some(match since.filter(|&since| since >= A_WHILE) {
        Some(since) => format!("last {at}, none for {}", measured(since)),
        None => format!("last {at}"),
    })
}

/// Both, and what clients gave up themselves.
pub fn sentence(losses: &Losses, until: &str) -> Option<String> {
    let when = last(losses, until).map_or_else(String::new, |when| format!("; {when}"));
    Some(format!("{}{when}", lost(losses)?))
}

/// `4 requests given up by the client`.
pub fn given_up(losses: &Losses) -> Option<String> {
    (losses.given_up > 0).then(|| format!("{} given up by the client", counted(losses.given_up, "request")))
}

/// Why nobody can say that no request was lost; `None` where everything was seen.
pub fn unseen(meta: &Meta) -> Option<String> {
    let mut parts = Vec::new();
    if meta.events_lost > 0 {
        parts.push(format!("{} lost", counted(meta.events_lost, "record")));
    }
    if meta.connections_untracked > 0 {
        parts.push(format!("{} not tracked", counted(meta.connections_untracked, "connection")));
    }
    parts.extend(beyond(meta));
    parts.extend(not_there(meta));
    (!parts.is_empty()).then(|| clean(&parts.join(", "), 200))
}

/// What the record on disk says is missing.
pub fn not_there(meta: &Meta) -> impl Iterator<Item = String> {
    let gap = (meta.not_observed_seconds > 0.0)
        .then(|| format!("{} not observed (no agent ran)", measured(meta.not_observed_seconds)));
    let closes = (meta.not_recorded > 0)
        .then(|| format!("{} not recorded (docs/record.md)", counted(meta.not_recorded, "close")));
    gap.into_iter().chain(closes)
}

/// `12 endpoints beyond the limit (increase --max-endpoints)`.
pub fn beyond(meta: &Meta) -> Option<String> {
    (meta.endpoints_over > 0).then(|| {
        let endpoints = counted(meta.endpoints_beyond.max(1), "endpoint");
        format!("{endpoints} beyond the limit (increase --max-endpoints)")
    })
}

/// `6 idle connections ended with a reset: ...`.
pub fn unseen_resets(resets: u64) -> String {
    let connections = counted(resets, "idle connection");
    format!("{connections} ended with a reset by the server: what a client writes on one fails unseen")
}

/// No request was lost by any cause, and everything was seen.
pub fn is_all_clear(model: &ReportModel) -> bool {
    model.meta.losses.requests == 0
        && unseen(&model.meta).is_none()
        && model.shutdowns.iter().all(|shutdown| shutdown.lost() == 0)
}

fn to_what(reason: LossReason, count: u64) -> String {
    match reason {
        LossReason::IdleRace => format!("{count} to idle closes"),
        LossReason::ServerHangup => format!("{count} to hang-ups by the server"),
        LossReason::Network => format!("{count} to the network"),
        LossReason::Refused => counted(count, "refused connect"),
        LossReason::NotAccepted => format!("{count} that no process had accepted"),
        LossReason::HostAbort => format!("{count} to destroyed sockets"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::fixtures::losses;

    #[test]
    fn what_was_lost_is_said_by_reason_with_the_time_of_the_last() {
        let mut sum = losses(LossReason::IdleRace, 2);
        sum.merge(&losses(LossReason::Refused, 1));
        sum.retried = 1;
        sum.last = Some("2026-01-01T12:01:03Z".parse().expect("a time"));
        let said = |until| sentence(&sum, until).expect("something was lost");
        let what = "3 requests lost: 2 to idle closes, 1 refused connect (1 of them retried successfully)";
        assert_eq!(said("2026-01-01T12:21:03Z"), format!("{what}; last 12:01:03, none for 20.0 min"));
        assert_eq!(said("2026-01-01T12:01:05Z"), format!("{what}; last 12:01:03"));
        assert_eq!(said("?"), format!("{what}; last 12:01:03"));
        assert_eq!(sentence(&Losses { given_up: 3, ..Losses::default() }, "?"), None);
    }

    #[test]
    fn what_was_not_seen_forbids_the_all_clear() {
        let meta = Meta { endpoints_over: 9, endpoints_beyond: 3, events_lost: 1, ..Meta::default() };
        let said = "1 record lost, 3 endpoints beyond the limit (increase --max-endpoints)";
        assert_eq!(unseen(&meta).as_deref(), Some(said));
        assert_eq!(unseen(&Meta::default()), None);
    }
}
