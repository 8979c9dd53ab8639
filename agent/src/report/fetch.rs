//! The report of a running daemon.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::url_query;
use whohungup_core::{
    advice::{ReportModel, SCHEMA},
    filter::Filter,
    sanitize::clean,
};

/// Where a daemon answers with its report.
pub const PATH: &str = "/api/v1/report";
/// An answer larger than this is no report: one endpoint takes a few KiB.
const MOST_BYTES: u64 = 64 << 20;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Asks the daemon at `url` (scheme, host and port).
///
/// # Errors
/// When nothing answers there in time, or what does is not a daemon of this schema.
pub fn fetch(url: &str) -> anyhow::Result<ReportModel> {
    let body = get(url, PATH, &Filter::default())?;
    decode(&body).with_context(|| format!("what answers at {} is not understood", base(url, PATH)))
}

/// What the daemon at `url` answers at `path` of what `filter` has; `url` may name the path as well.
///
/// # Errors
/// When nothing answers there in time, or what does has nothing there.
pub fn get(url: &str, path: &str, filter: &Filter) -> anyhow::Result<Vec<u8>> {
    let base = base(url, path);
    if !base.starts_with("http://") {
        bail!("invalid daemon URL `{base}`; expected http://HOST:PORT, such as http://127.0.0.1:9909");
    }
    let url = format!("{base}{path}");
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT_WITHIN))
            .timeout_global(Some(ANSWER_WITHIN))
            .http_status_as_error(false)
            .max_redirects(0)
            // What is asked is a host of one's own.
            .proxy(None)
            .build(),
    );
    let mut answer = agent
        .get(&url)
        .query_pairs(url_query::pairs(filter))
        .call()
        .with_context(|| format!("no daemon answers at {base}; is `whohungup run` running there?"))?;
    match answer.status().as_u16() {
        200 => {}
        404 => bail!("what answers at {base} has no {path}: not whohungup, or an older one"),
        421 => bail!(
            "the daemon at {base} does not allow this host name; use its IP address, or start it with --allowed-host"
        ),
        503 => bail!("the daemon at {base} is stuck or stopping; try again"),
        status => bail!("{url} answers with status {status}"),
    }
    answer
        .body_mut()
        .with_config()
        .limit(MOST_BYTES)
        .read_to_vec()
        .with_context(|| format!("read the report from {base}"))
}

fn base<'a>(url: &'a str, path: &str) -> &'a str {
    let url = url.trim_end_matches('/');
    url.strip_suffix(path).unwrap_or(url)
}

fn decode(body: &[u8]) -> anyhow::Result<ReportModel> {
    #[derive(Deserialize)]
    struct Labelled {
        schema: String,
    }
    let Labelled { schema } =
        serde_json::from_slice(body).context("not a report: no JSON object with a `schema`")?;
    if schema != SCHEMA {
        let schema = clean(&schema, 40);
        bail!("it speaks schema `{schema}`, this is `{SCHEMA}`: use the same version on both sides");
    }
    serde_json::from_slice(body).with_context(|| format!("not a report of schema `{SCHEMA}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_schema_and_nonsense_are_named() {
        let said = |body: &str| format!("{:#}", decode(body.as_bytes()).expect_err("no report"));
        assert!(said("<html>").contains("no JSON object with a `schema`"));
        assert!(said("{\"schema\":\"whohungup.report/3\"}").contains("schema `whohungup.report/3`, this is"));
        assert!(said("{\"schema\":\"whohungup.report/2\"}").contains("missing field `meta`"));
        assert!(said("{\"schema\":\"\u{9b}2J\"}").contains('\u{fffd}'));
    }

    #[test]
    fn an_address_without_a_daemon_is_named_with_a_remedy() {
        // Port 1 of the loopback is not listened at.
        let error = format!("{:#}", fetch("http://127.0.0.1:1").expect_err("nobody there"));
        assert!(error.contains("http://127.0.0.1:1;") && error.contains("whohungup run"), "{error}");
        let error = format!("{:#}", fetch("127.0.0.1:9909").expect_err("no scheme"));
        assert!(error.contains("expected http://HOST:PORT"), "{error}");
    }
}
