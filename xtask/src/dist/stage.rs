//! The files of a package as they lie on a host.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::Release;
use crate::{process, workspace::Workspace};

/// Where each page of the docs lies on a host.
const DOC: &str = "usr/share/doc/whohungup";
const UNIT: &str = "usr/lib/systemd/system/whohungup.service";
/// What an administrator may change, and an upgrade keeps.
const CONFIG: (&str, &str) = ("deploy/whohungup.toml", "etc/whohungup/whohungup.toml");

/// A folder that is a host's `/`, with the files of the package alone.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) root: PathBuf,
    /// Of `CONFIG`, what there is.
    pub(super) config: Vec<&'static str>,
}

impl Stage {
    pub(super) fn lay(
        workspace: &Workspace,
        release: &Release,
        binary: &Path,
        bom: &Path,
        root: &Path,
    ) -> Result<Self> {
        let source = workspace.root();
        let mut stage = Self { root: root.to_path_buf(), config: Vec::new() };
        stage.copy(binary, "usr/bin/whohungup", 0o755)?;
        process::run(Command::new(release.machine.tool("strip")).arg(stage.binary()))?;
        stage.copy(&source.join("deploy/whohungup.service"), UNIT, 0o644)?;
        let (from, to) = CONFIG;
        if source.join(from).is_file() {
            stage.copy(&source.join(from), to, 0o644)?;
            stage.config.push(to);
        }
        for page in ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE-APACHE", "LICENSE-MIT"] {
            stage.copy(&source.join(page), &format!("{DOC}/{page}"), 0o644)?;
        }
        for folder in ["docs", "docs/runbooks"] {
            for page in pages(&source.join(folder))? {
                let name = page.strip_prefix(source).context("name a page")?.display().to_string();
                stage.copy(&page, &format!("{DOC}/{name}"), 0o644)?;
            }
        }
        stage.copy(bom, &format!("{DOC}/whohungup.cdx.json"), 0o644)?;
        stage.say_how_to_use(workspace, release)?;
        stage.settle_times(release.epoch)?;
        Ok(stage)
    }

    /// One that was laid before.
    pub(super) fn at(root: &Path) -> Self {
        let config = [CONFIG.1].into_iter().filter(|file| root.join(file).is_file()).collect();
        Self { root: root.to_path_buf(), config }
    }

    /// The same files in another folder, for what one kind of package has beside them.
    pub(super) fn copied(&self, root: &Path) -> Result<Self> {
        process::run(Command::new("cp").arg("--archive").arg(&self.root).arg(root))?;
        Ok(Self { root: root.to_path_buf(), config: self.config.clone() })
    }

    pub(super) fn binary(&self) -> PathBuf {
        self.root.join("usr/bin/whohungup")
    }

    /// Manual pages and completions, as the program itself writes them.
    fn say_how_to_use(&self, workspace: &Workspace, release: &Release) -> Result<()> {
        let program = || {
            if release.machine.is_here() {
                return Command::new(self.binary());
            }
            let mut command = workspace.cargo();
            command.args(["run", "--quiet", "--package", "whohungup", "--"]);
            command
        };
        let man = self.root.join("usr/share/man/man1");
        process::run(program().arg("man").arg(&man))?;
        for page in fs::read_dir(&man).context("list the manual pages")? {
            process::run(Command::new("gzip").args(["-9", "--no-name"]).arg(page?.path()))?;
        }
        for (shell, place) in [
            ("bash", "usr/share/bash-completion/completions/whohungup"),
            ("zsh", "usr/share/zsh/site-functions/_whohungup"),
            ("fish", "usr/share/fish/vendor_completions.d/whohungup.fish"),
        ] {
            self.write(place, &process::output(program().args(["completions", shell]))?, 0o644)?;
        }
        Ok(())
    }

    pub(super) fn copy(&self, from: &Path, to: &str, mode: u32) -> Result<()> {
        let bytes = fs::read(from).with_context(|| format!("read {}", from.display()))?;
        self.write(to, bytes, mode)
    }

    pub(super) fn write(&self, to: &str, bytes: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        write(&self.root.join(to), bytes.as_ref(), mode)
    }

    /// Every file below, by its path from `/` without the slash, sorted.
    pub(super) fn files(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        collect(&self.root, &mut found)?;
        let mut names: Vec<_> = found
            .iter()
            .map(|file| Ok(file.strip_prefix(&self.root).context("name a file")?.display().to_string()))
            .collect::<Result<_>>()?;
        names.sort();
        Ok(names)
    }

    /// Tools that make archives write the files' times.
    pub(super) fn settle_times(&self, epoch: u64) -> Result<()> {
        let date = format!("--date=@{epoch}");
        process::run(Command::new("find").arg(&self.root).args([
            "-exec",
            "touch",
            "--no-dereference",
            &date,
            "{}",
            "+",
        ]))
    }
}

pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let folder = path.parent().context("name a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("set the mode of {}", path.display()))
}

/// Pictures and worked cases stay on the web.
fn pages(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "md")).collect())
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}
