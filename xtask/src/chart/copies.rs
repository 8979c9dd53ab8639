//! Files that are copies of others, or rendered from the chart: Helm reads nothing outside of the chart, and who has no
//! Helm wants a manifest.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::{PLAIN_FOR, SOURCES, read, template};
use crate::{process, workspace::Workspace};

/// Of `dashboards/kubernetes`, in the chart's `files`.
const COPIED: [&str; 2] = ["dashboards.yaml", "whohungup-rules.yaml"];
const FILES: &str = "deploy/helm/whohungup/files";

/// The manifest for those without Helm.
pub(super) const PLAIN: &str = "deploy/kubernetes/whohungup.yaml";
const HEAD: &str = "\
# The default values of deploy/helm/whohungup, for Kubernetes 1.30 and newer; docs/kubernetes.md explains it.
# Written by `cargo xtask chart --write`: change the chart.
";
/// What Helm alone has a use for.
const OF_HELM: [&str; 3] = ["# Source: ", "helm.sh/chart: ", "app.kubernetes.io/managed-by: "];

pub(super) fn write(workspace: &Workspace) -> Result<()> {
    for (path, text) in wanted(workspace)? {
        let path = workspace.root().join(path);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

pub(super) fn check(workspace: &Workspace) -> Result<()> {
    for (path, wanted) in wanted(workspace)? {
        let kept = read(&workspace.root().join(&path))?;
        ensure!(kept == wanted, "{path} is out of date; run: cargo xtask chart --write");
    }
    Ok(())
}

/// All files by their path in the repository, as they should be.
fn wanted(workspace: &Workspace) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for name in COPIED {
        let source = read(&workspace.root().join(SOURCES).join(name))?;
        files.push((format!("{FILES}/{name}"), source));
    }
    // The plain manifest has no rules and no dashboards, so that old copies do no harm to it.
    let rendered = process::output(template(workspace, PLAIN_FOR).args(["--set", "namespace.create=true"]))?;
    files.push((PLAIN.to_owned(), plain(&rendered)));
    Ok(files)
}

fn plain(rendered: &str) -> String {
    let mut text = HEAD.to_owned();
    for line in rendered.lines() {
        if !OF_HELM.iter().any(|start| line.trim_start().starts_with(start)) {
            text.extend([line, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_manifest_says_nothing_of_helm() {
        let rendered = "---\n# Source: a/b.yaml\nmetadata:\n  labels:\n    helm.sh/chart: a-1\n    \
                        app.kubernetes.io/managed-by: Helm\n    app.kubernetes.io/name: a\n";

        assert_eq!(
            plain(rendered),
            format!("{HEAD}---\nmetadata:\n  labels:\n    app.kubernetes.io/name: a\n")
        );
    }
}
