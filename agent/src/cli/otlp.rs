//! What is sent by OTLP.

use clap::Args;

use crate::otlp::{OtlpError, Settings, Signal};

/// OpenTelemetry's protocol (docs/otlp.md).
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "OTLP, by the usual OTEL_EXPORTER_OTLP_* variables")]
pub struct OtlpArgs {
    /// Send these to an OpenTelemetry Collector, by default the one at http://localhost:4318 (separated by commas)
    #[arg(long, value_enum, value_name = "SIGNAL", value_delimiter = ',', env = "WHOHUNGUP_OTLP")]
    pub otlp: Vec<Signal>,
}

impl OtlpArgs {
    /// `None` where nothing is to be sent.
    ///
    /// # Errors
    /// When an environment variable cannot be used.
    pub fn settings(&self) -> Result<Option<Settings>, OtlpError> {
        if self.otlp.is_empty() {
            return Ok(None);
        }
        Settings::from_environment(&self.otlp, |name| std::env::var(name).ok()).map(Some)
    }
}
