//! Which connections are wanted.

use clap::Args;
use whohungup_core::{filter::Filter, labels::Verdict};

/// Which connections are wanted.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// Only this server port, or either port where the role is unknown (may be repeated)
    #[arg(short = 'p', long, value_name = "PORT")]
    pub port: Vec<u16>,

    /// Only this process, by name or pid (may be repeated)
    #[arg(long, value_name = "NAME|PID")]
    pub process: Vec<String>,

    /// Only this Kubernetes namespace; `*` stands for anything, here and below (may be repeated)
    #[arg(short = 'n', long, value_name = "NAME")]
    pub namespace: Vec<String>,

    /// Only this pod (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub pod: Vec<String>,

    /// Only this container, by name (may be repeated)
    #[arg(short = 'c', long, value_name = "NAME")]
    pub container: Vec<String>,

    /// Only this systemd unit (may be repeated)
    #[arg(short = 'u', long, value_name = "NAME")]
    pub unit: Vec<String>,

    /// Only this workload, as it is shown (`shop/checkout-*/app`, `nginx.service`), or by its id (may be repeated)
    #[arg(long, value_name = "NAME|ID")]
    pub workload: Vec<String>,
}

impl FilterArgs {
    pub fn filter(&self) -> Filter {
        Filter {
            ports: self.port.clone(),
            processes: self.process.clone(),
            namespaces: self.namespace.clone(),
            pods: self.pod.clone(),
            containers: self.container.clone(),
            units: self.unit.clone(),
            workloads: self.workload.clone(),
            ..Filter::default()
        }
    }
}

/// The verdicts that are wanted; none: all. `trouble` adds those of lost requests and of suspects.
pub fn verdicts(wanted: &[Verdict], trouble: bool) -> Vec<Verdict> {
    let of_trouble = Verdict::ALL.iter().copied().filter(|verdict| trouble && verdict.is_trouble());
    wanted.iter().copied().chain(of_trouble).collect()
}
