//! What is recorded, and what is asked of the record.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{FilterArgs, duration::duration, verdicts};
use crate::record::{DEFAULT_MAX_BYTES, DEFAULT_MAX_RATE, Limits, Omit, Redact, Settings};
use whohungup_core::{
    filter::Filter,
    labels::{Role, Verdict},
};

/// The record on disk (docs/record.md).
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Record on disk")]
pub struct RecordArgs {
    /// Keep every close in this directory, as JSON lines, for `whohungup query` and for other programs
    #[arg(long, value_name = "DIR", env = "WHOHUNGUP_RECORD")]
    pub record: Option<PathBuf>,

    /// Maximum size of the record; the oldest files are removed
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_MAX_BYTES, env = "WHOHUNGUP_RECORD_MAX_BYTES")]
    pub record_max_bytes: u64,

    /// Maximum age of a file of the record; older ones are removed
    #[arg(long, value_name = "DURATION", default_value = "7days", value_parser = duration, env = "WHOHUNGUP_RECORD_MAX_AGE")]
    pub record_max_age: Duration,

    /// Maximum closes recorded per second; the rest are counted, and closes in trouble come first
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_RATE, env = "WHOHUNGUP_RECORD_MAX_RATE")]
    pub record_max_rate: u32,

    /// Record only closes with this verdict (may be repeated)
    #[arg(long, value_name = "VERDICT", value_delimiter = ',', env = "WHOHUNGUP_RECORD_VERDICT")]
    pub record_verdict: Vec<Verdict>,

    /// Record only closes of this server port (may be repeated)
    #[arg(long, value_name = "PORT", value_delimiter = ',', env = "WHOHUNGUP_RECORD_PORT")]
    pub record_port: Vec<u16>,

    /// Record only closes of this workload, as it is shown; `*` stands for anything (may be repeated)
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "WHOHUNGUP_RECORD_WORKLOAD")]
    pub record_workload: Vec<String>,

    /// Leave these fields null in the record
    #[arg(long, value_enum, value_name = "FIELDS", value_delimiter = ',', env = "WHOHUNGUP_RECORD_OMIT")]
    pub record_omit: Vec<Omit>,

    /// Leave this out of the fields of the record
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',', env = "WHOHUNGUP_RECORD_REDACT")]
    pub record_redact: Vec<Redact>,
}

impl RecordArgs {
    /// `None` where nothing is to be recorded.
    pub fn settings(&self) -> Option<Settings> {
        Some(Settings {
            directory: self.record.clone()?,
            limits: Limits {
                bytes: self.record_max_bytes,
                age: self.record_max_age,
                rate: self.record_max_rate,
            },
            filter: Filter {
                verdicts: self.record_verdict.clone(),
                ports: self.record_port.clone(),
                workloads: self.record_workload.clone(),
                ..Filter::default()
            },
            omit: self.record_omit.clone(),
            redact: self.record_redact.clone(),
        })
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  whohungup query --record /var/lib/whohungup/record --since yesterday --until 05:30 --verdict idle-race
  whohungup query --since '2026-11-28 05:15' --until '2026-11-28 05:25' --port 8080 --summary
  whohungup query --since 2h --pod 'checkout-*' --json | jq .cause")]
pub struct QueryArgs {
    /// Directory of the record, as given to `whohungup run --record`
    #[arg(long, value_name = "DIR", default_value = "/var/lib/whohungup/record", env = "WHOHUNGUP_RECORD")]
    pub record: PathBuf,

    /// From this time on: `05:20` (today), `yesterday`, `yesterday 05:20`, `2026-11-28 05:20`, RFC 3339, or `2h` ago
    #[arg(long, value_name = "TIME", default_value = "1h", allow_hyphen_values = true)]
    pub since: String,

    /// Until this time, in the same forms
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    pub until: String,

    #[command(flatten)]
    pub filter: FilterArgs,

    /// Only this role: client, server, unknown (may be repeated)
    #[arg(long, value_name = "ROLE")]
    pub role: Vec<Role>,

    /// Only closes in trouble: lost requests, and verdicts that may be one
    #[arg(short, long)]
    pub trouble: bool,

    /// Only this verdict (may be repeated)
    #[arg(long, value_name = "VERDICT")]
    pub verdict: Vec<Verdict>,

    /// One JSON object per line, as it was recorded
    #[arg(short, long, group = "form")]
    pub json: bool,

    /// Comma-separated values, with a line of names
    #[arg(long, group = "form")]
    pub csv: bool,

    /// Counts instead of closes: who hung up on whom, how often, and from when to when
    #[arg(long, group = "form")]
    pub summary: bool,

    /// Stop after this many closes
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
}

impl QueryArgs {
    pub fn filter(&self) -> Filter {
        Filter {
            roles: self.role.clone(),
            verdicts: verdicts(&self.verdict, self.trouble),
            ..self.filter.filter()
        }
    }
}
