//! The command line.

mod config;
mod debug;
mod duration;
mod examples;
mod filter;
mod host_name;
mod mcp;
mod otlp;
mod overhead;
mod record;
mod shell;
mod web;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::host_name::LONGEST_NAME;
pub use self::{
    config::{ConfigArgs, ConfigCheckArgs, ConfigCommand, DEFAULT_FILE, FILE_VARIABLE},
    debug::{BundleArgs, DebugArgs, DebugCommand},
    filter::{FilterArgs, verdicts},
    host_name::HostName,
    mcp::McpArgs,
    otlp::OtlpArgs,
    overhead::OverheadBudget,
    record::{QueryArgs, RecordArgs},
    shell::{CompletionsArgs, ManArgs},
    web::{FromArgs, WebArgs},
};
use crate::{
    container::{HostRoot, host_root_flag},
    metrics::{Histograms, WorkloadLabel, WorkloadLabels},
    privileges::Privileges,
    session::SessionOptions,
    workloads::{ApiServer, KubernetesOptions, NameSources, PodLabel, node_name_flag, pod_labels_flag},
};
use whohungup_bpf::{DEFAULT_RING_BYTES, LoadOptions, Tier};
use whohungup_core::{close::Options, connection::Limits, labels::Verdict};

/// Reports who hung up, and why, for every TCP connection that ends on this host.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, after_help = examples::ALL)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print one line for each close as it happens
    Watch(WatchArgs),
    /// Report which idle timeouts disagree and which setting to change (observes for a while, or `--from` a daemon)
    Report(ReportArgs),
    /// Live terminal view of endpoints, open connections and recent closes (own probes, or `--from` a daemon)
    Top(TopArgs),
    /// Ask the record that a daemon keeps on disk (`run --record`): who hung up on port 8080 at 05:20?
    Query(QueryArgs),
    /// Run as a daemon: a page at /, metrics for Prometheus, /api/v1/report, /healthz and /readyz
    Run(RunArgs),
    /// Check the configuration file of `run`, or show what is in effect and why
    Config(ConfigArgs),
    /// Answer programs that speak the Model Context Protocol over standard input and output; reads only (docs/mcp.md)
    Mcp(McpArgs),
    /// Check the kernel and the privileges, with remedies; exits with 1 if `run` would fail
    Check(CheckArgs),
    /// Play known closes against the live probes and compare every verdict with the truth
    Selftest(SelftestArgs),
    /// What a report of a bug needs, in one file
    Debug(DebugArgs),
    /// Print what completes commands and flags in a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one page for each command into a directory
    Man(ManArgs),
}

/// What is observed and how it is judged.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "What is observed")]
pub struct ObserveArgs {
    /// How to detect requests in flight: parse HTTP (`on`), or only traffic direction (`off`, near-zero cost)
    #[arg(long, value_enum, default_value_t = HttpInspection::On, env = "WHOHUNGUP_HTTP_INSPECTION")]
    pub http_inspection: HttpInspection,

    /// Read plaintext inside OpenSSL (libssl.so); costs microseconds per call of SSL_read and SSL_write (docs/tls.md)
    #[arg(long, value_enum, default_value_t = Tls::None, env = "WHOHUNGUP_TLS")]
    pub tls: Tls,

    /// Count a client close within this time of the response as `completed`, not `client-idle`
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = duration::duration, env = "WHOHUNGUP_IDLE_THRESHOLD")]
    pub idle_threshold: Duration,

    /// Age from which on the TCP keepalive of a connection to another host is audited
    #[arg(long, value_name = "DURATION", default_value = "10min", value_parser = duration::duration, env = "WHOHUNGUP_LONG_LIVED")]
    pub long_lived: Duration,

    /// Size of the ring buffer between kernel and agent; a power of two, at least 4096
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_RING_BYTES, env = "WHOHUNGUP_RING_BYTES")]
    pub ring_bytes: u32,

    /// Maximum connections tracked at once; the rest are counted as untracked
    #[arg(long, value_name = "N", default_value_t = 1 << 20, env = "WHOHUNGUP_MAX_CONNECTIONS")]
    pub max_connections: usize,

    /// Maximum endpoints (role, port, process, workload) tracked individually; the rest are aggregated as `other`
    #[arg(long, value_name = "N", default_value_t = 1000, env = "WHOHUNGUP_MAX_ENDPOINTS")]
    pub max_endpoints: usize,

    /// Where the names of pods, containers and units come from; what they read is in docs/workloads.md
    #[arg(long, value_enum, default_value_t = NameSources::Files, env = "WHOHUNGUP_WORKLOAD_NAMES")]
    pub workload_names: NameSources,

    #[command(flatten)]
    pub kubernetes: KubernetesArgs,

    #[command(flatten)]
    pub host: HostArgs,
}

/// How the Kubernetes API is asked, with `--workload-names api`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Kubernetes API, with --workload-names api")]
pub struct KubernetesArgs {
    /// This node, as `kubectl get nodes` calls it: only its pods are asked for
    #[arg(long, value_name = "NAME", value_parser = node_name_flag, required_if_eq("workload_names", "api"), env = "NODE_NAME")]
    pub node_name: Option<String>,

    /// Pod labels to keep and to add to the metrics as `k8s_pod_label_...`, at most 8 (separated by commas)
    #[arg(long, value_name = "KEY,...", value_parser = pod_labels_flag, env = "WHOHUNGUP_POD_LABELS")]
    pub pod_labels: Option<Arc<[PodLabel]>>,

    /// The API server; by default the one that Kubernetes names to each pod
    #[arg(long, value_name = "URL", env = "WHOHUNGUP_KUBERNETES_API")]
    pub kubernetes_api: Option<ApiServer>,

    /// Directory with the `token` and the `ca.crt` of a service account that may watch pods
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/var/run/secrets/kubernetes.io/serviceaccount",
        env = "WHOHUNGUP_SERVICE_ACCOUNT"
    )]
    pub service_account: PathBuf,
}

impl KubernetesArgs {
    /// `None` without the name of a node.
    fn options(&self) -> Option<KubernetesOptions> {
        let Self { node_name, pod_labels, kubernetes_api, service_account } = self.clone();
        Some(KubernetesOptions {
            node: node_name?,
            server: kubernetes_api,
            service_account,
            labels: pod_labels.unwrap_or_default(),
        })
    }
}

/// Where an agent in a container finds its host.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "In a container")]
pub struct HostArgs {
    /// Where the host's root directory is mounted, if /proc/1/root cannot be read (docs/workloads.md)
    #[arg(long, value_name = "PATH", value_parser = host_root_flag, env = "WHOHUNGUP_HOST_ROOT")]
    pub host_root: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HttpInspection {
    /// Follow HTTP messages (HTTP tier)
    On,
    /// Only traffic direction, from the socket's own counters (lifecycle tier only)
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tls {
    /// Infer phases from record sizes and traffic direction
    None,
    /// Attach uprobes to every libssl in use
    Openssl,
}

impl ObserveArgs {
    pub fn session(&self) -> SessionOptions {
        let tier = match self.http_inspection {
            HttpInspection::On => Tier::Http,
            HttpInspection::Off => Tier::Lifecycle,
        };
        SessionOptions {
            load: LoadOptions { tier, ring_bytes: self.ring_bytes, openssl: self.tls == Tls::Openssl },
            limits: Limits { connections: self.max_connections, ..Limits::default() },
            judge: Options { idle_threshold: self.idle_threshold.as_secs_f64(), ..Options::default() },
            workload_names: self.workload_names,
            kubernetes: self.kubernetes.options(),
            host_root: HostRoot::find(self.host.host_root.as_deref()),
            long_lived: self.long_lived,
            privileges: Privileges::Kept,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = examples::WATCH)]
pub struct WatchArgs {
    /// One JSON object per line instead of a table
    #[arg(short, long)]
    pub json: bool,

    /// Only closes in trouble: lost requests, and verdicts that may be one
    #[arg(short, long)]
    pub trouble: bool,

    /// Only this verdict (may be repeated)
    #[arg(long, value_name = "VERDICT")]
    pub verdict: Vec<Verdict>,

    /// Stop after this long
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::duration)]
    pub duration: Option<Duration>,

    /// Stop after this many closes
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,

    #[command(flatten)]
    pub filter: FilterArgs,

    #[command(flatten)]
    pub observe: ObserveArgs,
}

#[derive(Debug, Args)]
#[command(after_help = examples::REPORT)]
pub struct ReportArgs {
    /// Observe for this long; Ctrl-C ends it earlier, with a report
    #[arg(long = "for", value_name = "DURATION", default_value = "10m", value_parser = duration::duration)]
    pub duration: Duration,

    /// Ask a running daemon (`whohungup run`) instead of observing, such as http://127.0.0.1:9909
    #[arg(long, value_name = "URL", conflicts_with = "duration")]
    pub from: Option<String>,

    /// Report on the past, from the record of a daemon (`run --record`)
    #[arg(long, value_name = "DIR", conflicts_with_all = ["duration", "from"])]
    pub record: Option<PathBuf>,

    /// With `--record`: from this time on, in the forms of `whohungup query`
    #[arg(long, value_name = "TIME", default_value = "1h", requires = "record", allow_hyphen_values = true)]
    pub since: String,

    /// With `--record`: until this time
    #[arg(long, value_name = "TIME", default_value = "now", requires = "record", allow_hyphen_values = true)]
    pub until: String,

    /// The whole report as JSON (docs/report.md)
    #[arg(short, long, conflicts_with = "markdown")]
    pub json: bool,

    /// Markdown, to paste into a ticket
    #[arg(long)]
    pub markdown: bool,

    /// Maximum endpoints shown in full, and in the closing table
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,

    #[command(flatten)]
    pub filter: FilterArgs,

    #[command(flatten)]
    pub from_args: FromArgs,

    #[command(flatten)]
    pub observe: ObserveArgs,
}

#[derive(Debug, Args)]
#[command(after_help = examples::TOP)]
pub struct TopArgs {
    /// Show what a running daemon (`whohungup run`) sees, such as http://127.0.0.1:9909
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,

    #[command(flatten)]
    pub filter: FilterArgs,

    #[command(flatten)]
    pub from_args: FromArgs,

    #[command(flatten)]
    pub observe: ObserveArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = examples::RUN)]
pub struct RunArgs {
    /// Read settings from this TOML file, by default from /etc/whohungup/whohungup.toml if it exists
    #[arg(long, value_name = "FILE", env = FILE_VARIABLE)]
    pub config: Option<PathBuf>,

    /// Listen address of the page, /metrics, /api/v1/report, /healthz and /readyz
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9909", env = "WHOHUNGUP_LISTEN")]
    pub listen: SocketAddr,

    /// Host name that requests may use besides IP addresses and localhost, such as a reverse proxy's (may be repeated)
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "WHOHUNGUP_ALLOWED_HOSTS")]
    pub allowed_host: Vec<HostName>,

    /// When to enable BPF run-time statistics (two extra clock reads per program run)
    #[arg(long, value_enum, default_value_t = BpfStats::Sampled, env = "WHOHUNGUP_BPF_STATS")]
    pub bpf_stats: BpfStats,

    /// Share of one core that the agent and its BPF programs may take; over it messages of fewer connections are read
    #[arg(long, value_name = "PERCENT", default_value = "2%", env = "WHOHUNGUP_OVERHEAD_BUDGET")]
    pub overhead_budget: OverheadBudget,

    /// Labels of the metrics that say whose an endpoint is; endpoints with the same labels are counted together
    #[arg(long, value_enum, value_name = "LABEL", value_delimiter = ',', default_values_t = WorkloadLabel::USUAL, env = "WHOHUNGUP_METRICS_LABELS")]
    pub metrics_labels: Vec<WorkloadLabel>,

    /// Buckets of the histograms of endpoints; `full` has more than twice as many, `native` also native histograms
    /// (docs/metrics.md)
    #[arg(long, value_enum, default_value_t = Histograms::Coarse, env = "WHOHUNGUP_METRICS_HISTOGRAMS")]
    pub metrics_histograms: Histograms,

    #[command(flatten)]
    pub web: WebArgs,

    #[command(flatten)]
    pub record: RecordArgs,

    #[command(flatten)]
    pub otlp: OtlpArgs,

    #[command(flatten)]
    pub observe: ObserveArgs,
}

impl RunArgs {
    pub fn session(&self) -> SessionOptions {
        SessionOptions { privileges: Privileges::Dropped, ..self.observe.session() }
    }

    /// The labels of endpoints: those of pods are kept for them.
    pub fn shown_labels(&self) -> WorkloadLabels {
        let of_pods = self.observe.kubernetes.pod_labels.clone();
        WorkloadLabels::new(self.metrics_labels.clone(), of_pods.unwrap_or_default())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BpfStats {
    Off,
    /// One second in every fifteen
    Sampled,
    Always,
}

#[derive(Debug, Args)]
#[command(after_help = examples::CHECK)]
pub struct CheckArgs {
    #[command(flatten)]
    pub host: HostArgs,

    /// One JSON object
    #[arg(short, long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = examples::SELFTEST)]
pub struct SelftestArgs {
    /// How to detect requests in flight; `off` compares only what traffic direction can show
    #[arg(long, value_enum, default_value_t = HttpInspection::On)]
    pub http_inspection: HttpInspection,

    /// Only scenarios whose name contains this
    pub filter: Option<String>,

    /// Play everything this often, in random order
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repeat: u32,

    /// Seed of the order and of the plans
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,

    /// One JSON object per compared close
    #[arg(short, long)]
    pub json: bool,
}
