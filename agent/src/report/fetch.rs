//! The report of a running daemon.

use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;

use crate::{
    cli::FromArgs,
    tls_client::{self, Files},
    url_query,
};
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

/// How a daemon is asked.
#[derive(Debug)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
    authorization: Option<String>,
}

impl Client {
    /// Of the daemon at `url` (scheme, host and port).
    ///
    /// # Errors
    /// When that is no address of a daemon, or a file of `from` cannot be used.
    pub fn new(url: &str, from: &FromArgs) -> anyhow::Result<Self> {
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
            bail!(
                "invalid daemon URL `{}`; expected http://HOST:PORT, such as http://127.0.0.1:9909",
                clean(url, 80)
            );
        };
        // It is not repeated: there is a password in it.
        anyhow::ensure!(
            !rest.contains('@'),
            "invalid daemon URL: give user and password by WHOHUNGUP_FROM_USER"
        );
        let files = Files {
            authorities: from.from_ca.as_deref(),
            client: from.from_cert.as_deref().zip(from.from_key.as_deref()),
        };
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder()
                .timeout_connect(Some(CONNECT_WITHIN))
                .timeout_global(Some(ANSWER_WITHIN))
                .http_status_as_error(false)
                .max_redirects(0)
                // What is asked is a host of one's own.
                .proxy(None)
                .tls_config(tls_client::config(url, files, "--from-ca")?)
                .build(),
        );
        let authorization =
            from.from_user.as_ref().map(|user| format!("Basic {}", BASE64_STANDARD.encode(user)));
        Ok(Self { agent, url: url.trim_end_matches('/').to_owned(), authorization })
    }

    /// # Errors
    /// When nothing answers there in time, or what does is not a daemon of this schema.
    pub fn report(&self) -> anyhow::Result<ReportModel> {
        let body = self.get(PATH, &Filter::default())?;
        decode(&body).with_context(|| format!("what answers at {} is not understood", self.base(PATH)))
    }

    /// What it answers at `path` of what `filter` has; its URL may name the path as well.
    ///
    /// # Errors
    /// When nothing answers there in time, or what does has nothing there.
    pub fn get(&self, path: &str, filter: &Filter) -> anyhow::Result<Vec<u8>> {
        let base = self.base(path);
        let url = format!("{base}{path}");
        let mut request = self.agent.get(&url).query_pairs(url_query::pairs(filter));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let mut answer = request.call().with_context(|| {
            format!("no daemon answers at {base}; is `whohungup run` running there, and is https right?")
        })?;
        match answer.status().as_u16() {
            200 => {}
            401 => bail!(
                "the daemon at {base} asks for another user or password; give them by WHOHUNGUP_FROM_USER"
            ),
            404 => bail!("what answers at {base} has no {path}: not whohungup, or an older one"),
            421 => bail!(
                "the daemon at {base} does not allow this host name; use its IP address, or start it with --allowed-host"
            ),
            503 => bail!("the daemon at {base} is stuck, busy or stopping; try again"),
            status => bail!("{url} answers with status {status}"),
        }
        answer
            .body_mut()
            .with_config()
            .limit(MOST_BYTES)
            .read_to_vec()
            .with_context(|| format!("read the answer of {base}"))
    }

    /// What it is called in messages.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn base<'a>(&'a self, path: &str) -> &'a str {
        self.url.strip_suffix(path).unwrap_or(&self.url)
    }
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
        let client = |url: &str| Client::new(url, &FromArgs::default());
        let nobody = client("http://127.0.0.1:1").expect("a client").report();
        let error = format!("{:#}", nobody.expect_err("nobody there"));
        assert!(error.contains("http://127.0.0.1:1;") && error.contains("whohungup run"), "{error}");
        let error = format!("{:#}", client("127.0.0.1:9909").expect_err("no scheme"));
        assert!(error.contains("expected http://HOST:PORT"), "{error}");
        let error = format!("{:#}", client("https://a:secret@127.0.0.1:1").expect_err("a password"));
        assert!(error.contains("WHOHUNGUP_FROM_USER") && !error.contains("secret"), "{error}");
    }
}
