//! Where to send what, by OpenTelemetry's own environment variables
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).

use std::{fmt, path::PathBuf, time::Duration};

use thiserror::Error;

/// What can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Signal {
    /// A log record for each close
    Logs,
    /// The families of /metrics
    Metrics,
}

impl Signal {
    /// As the environment variables name it, and as the path ends.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
}

/// Where one signal goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub signal: Signal,
    pub url: String,
    /// Names and values; values are secrets.
    pub headers: Vec<(String, String)>,
    pub timeout: Duration,
    pub compression: Compression,
    /// Authorities of the other side; the system's where there is none.
    pub certificate: Option<PathBuf>,
    pub client_certificate: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Target").field("url", &self.url).field("headers", &names).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub targets: Vec<Target>,
    /// Names and values of what says who sends.
    pub resource: Vec<(String, String)>,
    pub metric_interval: Duration,
}

/// A variable that cannot be used.
#[derive(Debug, Error)]
#[error("{name}: {fault}; {remedy}")]
pub struct OtlpError {
    name: String,
    fault: String,
    remedy: &'static str,
}

const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);
/// More often costs the observer more than it tells.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

impl Settings {
    /// By the variables that `variable` knows; one that is empty is as if it were not set.
    ///
    /// # Errors
    /// When one cannot be used.
    pub fn from_environment(
        signals: &[Signal],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, OtlpError> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let mut targets = Vec::new();
        for &signal in [Signal::Logs, Signal::Metrics].iter().filter(|signal| signals.contains(signal)) {
            targets.push(target(signal, &variable)?);
        }
        let mut resource = match variable("OTEL_RESOURCE_ATTRIBUTES") {
            Some(text) => pairs("OTEL_RESOURCE_ATTRIBUTES", &text)?,
            None => Vec::new(),
        };
        if let Some(name) = variable("OTEL_SERVICE_NAME") {
            resource.retain(|(key, _)| key != "service.name");
            resource.push(("service.name".to_owned(), name));
        }
        let interval = variable("OTEL_METRIC_EXPORT_INTERVAL");
        let metric_interval = match interval {
            Some(text) => milliseconds("OTEL_METRIC_EXPORT_INTERVAL", &text)?,
            None => DEFAULT_INTERVAL,
        };
        Ok(Self { targets, resource, metric_interval: metric_interval.max(SHORTEST_INTERVAL) })
    }

    pub fn target(&self, signal: Signal) -> Option<&Target> {
        self.targets.iter().find(|target| target.signal == signal)
    }
}

/// A variable of one signal comes before that of all.
fn target(signal: Signal, variable: &impl Fn(&str) -> Option<String>) -> Result<Target, OtlpError> {
    let own = |rest: &str| format!("OTEL_EXPORTER_OTLP_{}_{rest}", signal.as_str().to_ascii_uppercase());
    let find = |rest: &str| {
        let (own, all) = (own(rest), format!("OTEL_EXPORTER_OTLP_{rest}"));
        variable(&own).map(|value| (own, value)).or_else(|| variable(&all).map(|value| (all, value)))
    };
    if let Some((name, protocol)) = find("PROTOCOL")
        && protocol.trim() != "http/protobuf"
    {
        let fault = format!("`{}` is not spoken", protocol.trim());
        return Err(OtlpError {
            name,
            fault,
            remedy: "set it to http/protobuf, and use the port of OTLP/HTTP (4318)",
        });
    }
    let own_endpoint = own("ENDPOINT");
    let url = if let Some(url) = variable(&own_endpoint) {
        checked(own_endpoint, url.trim().to_owned())?
    } else {
        let name = "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned();
        let base = variable(&name).unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        checked(name, format!("{}/v1/{}", base.trim().trim_end_matches('/'), signal.as_str()))?
    };
    let headers = match find("HEADERS") {
        Some((name, text)) => headers(&name, &text)?,
        None => Vec::new(),
    };
    let compression = match find("COMPRESSION") {
        Some((_, text)) if text.trim() == "gzip" => Compression::Gzip,
        Some((name, text)) if text.trim() != "none" => {
            let fault = format!("`{}` is no compression that is known", text.trim());
            return Err(OtlpError { name, fault, remedy: "set it to gzip or none" });
        }
        _ => Compression::None,
    };
    let timeout = match find("TIMEOUT") {
        Some((name, text)) => milliseconds(&name, &text)?,
        None => DEFAULT_TIMEOUT,
    };
    let file = |rest: &str| find(rest).map(|(_, path)| PathBuf::from(path.trim()));
    let (client_certificate, client_key) = (file("CLIENT_CERTIFICATE"), file("CLIENT_KEY"));
    if client_certificate.is_some() != client_key.is_some() {
        return Err(OtlpError {
            name: "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE".to_owned(),
            fault: "a certificate without a key, or a key without a certificate".to_owned(),
            remedy: "set OTEL_EXPORTER_OTLP_CLIENT_KEY too, or neither",
        });
    }
    let certificate = file("CERTIFICATE");
    Ok(Target { signal, url, headers, timeout, compression, certificate, client_certificate, client_key })
}

fn checked(name: String, url: String) -> Result<String, OtlpError> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let is_usable = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.bytes().all(|byte| byte.is_ascii_graphic());
    if is_usable {
        return Ok(url);
    }
    let shown = whohungup_core::sanitize::clean(&url, 80);
    Err(OtlpError {
        name,
        fault: format!("`{shown}` is no address"),
        remedy: "give http://HOST:PORT or https://HOST:PORT, such as http://localhost:4318",
    })
}

/// `key=value,key=value`, percent-encoded (W3C Baggage).
fn pairs(name: &str, text: &str) -> Result<Vec<(String, String)>, OtlpError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (key, value) = part.split_once('=')?;
        let (key, value) = (decoded(key.trim())?, decoded(value.trim())?);
        (!key.is_empty()).then_some((key, value))
    };
    // What stands there may be a secret: it is not shown.
    parts.map(|part| pair(part).ok_or_else(|| no_pairs(name))).collect()
}

fn no_pairs(name: &str) -> OtlpError {
    OtlpError {
        name: name.to_owned(),
        fault: "not `key=value`, separated by commas".to_owned(),
        remedy: "write other commas, signs of equality and per cent as %2C, %3D and %25",
    }
}

fn headers(name: &str, text: &str) -> Result<Vec<(String, String)>, OtlpError> {
    let pairs = pairs(name, text)?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_value = |value: &str| value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
    if pairs.iter().all(|(key, value)| key.bytes().all(is_token) && is_value(value)) {
        return Ok(pairs);
    }
    Err(OtlpError {
        name: name.to_owned(),
        fault: "a name or a value that no HTTP header can have".to_owned(),
        remedy: "use letters, digits and dashes in names, and printable ASCII in values",
    })
}

/// `None` where it is no percent-encoded text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok()
}

fn milliseconds(name: &str, text: &str) -> Result<Duration, OtlpError> {
    match text.trim().parse() {
        Ok(number) if number > 0 => Ok(Duration::from_millis(number)),
        _ => Err(OtlpError {
            name: name.to_owned(),
            fault: format!("`{}` is no time", whohungup_core::sanitize::clean(text, 40)),
            remedy: "give a whole number of milliseconds, such as 10000",
        }),
    }
}

#[cfg(test)]
mod tests;
