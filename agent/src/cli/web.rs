//! Who may ask, and how a daemon that asks for a password is asked.

use std::path::PathBuf;

use clap::Args;

/// Who may ask the daemon.
#[derive(Clone, Debug, Args)]
pub struct WebArgs {
    /// TLS, client certificates and passwords, by the Prometheus exporters' web configuration file (docs/web.md)
    #[arg(long, alias = "web.config.file", value_name = "FILE", env = "WHOHUNGUP_WEB_CONFIG_FILE")]
    pub web_config_file: Option<PathBuf>,
}

/// How the daemon of `--from` is asked.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "With --from https://...")]
pub struct FromArgs {
    /// PEM file of the authority that the daemon's certificate comes from; by default those of the system
    #[arg(long, value_name = "FILE", env = "WHOHUNGUP_FROM_CA")]
    pub from_ca: Option<PathBuf>,

    /// PEM file of the certificate that is shown to the daemon
    #[arg(long, value_name = "FILE", requires = "from_key", env = "WHOHUNGUP_FROM_CERT")]
    pub from_cert: Option<PathBuf>,

    /// PEM file of its key
    #[arg(long, value_name = "FILE", requires = "from_cert", env = "WHOHUNGUP_FROM_KEY")]
    pub from_key: Option<PathBuf>,

    /// User and password; other users of the host see an option, and not a variable
    #[arg(long, value_name = "USER:PASSWORD", env = "WHOHUNGUP_FROM_USER", hide_env_values = true)]
    pub from_user: Option<String>,
}
