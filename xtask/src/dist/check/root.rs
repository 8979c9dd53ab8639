//! A Debian root with nothing but what is essential.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::Made;
use crate::process;

const SUITE: &str = "bookworm";
/// Of `dpkg`, `rpm` and `systemd`: what they note, not what a package leaves.
const NOTES: [&str; 4] = ["var/lib/dpkg/", "var/lib/rpm/", "var/log/", "var/cache/ldconfig"];
/// In a mount namespace of its own, which takes what is mounted with it.
const INSIDE: &str = "mount --rbind /proc \"$0/proc\"; mount --rbind /sys \"$0/sys\"; mount --rbind /dev \"$0/dev\"; \
                      exec chroot \"$0\" \"$@\"";
const RECORD: &str = "var/lib/private/whohungup/record";

const CHANGE: &str = "\n# Changed here.\n";

/// What an administrator wrote, and where.
#[derive(Debug)]
pub(super) struct Changed {
    files: Vec<PathBuf>,
}

impl Changed {
    pub(super) fn is_kept(&self) -> Result<()> {
        for file in &self.files {
            let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
            ensure!(text.ends_with(CHANGE), "{} is not as it was written", file.display());
        }
        Ok(())
    }

    pub(super) fn saved_by_rpm(&self) -> Vec<PathBuf> {
        self.files
            .iter()
            .map(|file| file.with_added_extension("rpmsave"))
            .filter(|file| file.is_file())
            .collect()
    }
}

#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
}

impl Root {
    /// Unpacks the root anew; it is fetched once.
    pub(super) fn make(dir: &Path, name: &str) -> Result<Self> {
        let packed = dir.join(format!("{SUITE}.tar"));
        if !packed.is_file() {
            let half = dir.join("half.tar");
            process::run(
                Command::new("mmdebstrap")
                    .args(["--quiet", "--variant=essential", "--format=tar", SUITE])
                    .arg(&half),
            )?;
            fs::rename(&half, &packed).context("keep Debian's root")?;
        }
        let path = dir.join("root").join(name);
        let _left_over = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
        process::run(
            Command::new("tar").arg("-xf").arg(&packed).arg("-C").arg(&path).arg("--exclude=./dev/*"),
        )?;
        // systemd makes it, and keeps it.
        fs::create_dir_all(path.join("var/lib/private")).context("make /var/lib/private")?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn has(&self, file: &str) -> bool {
        fs::symlink_metadata(self.path.join(file)).is_ok()
    }

    /// Lays a package where programs inside see it, and gives its path there.
    pub(super) fn take(&self, package: &Path) -> Result<String> {
        let name = package.file_name().context("name the package")?;
        let folder = self.path.join("tmp");
        fs::copy(package, folder.join(name)).with_context(|| format!("copy {}", package.display()))?;
        Ok(format!("/tmp/{}", name.display()))
    }

    fn inside(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-ec", INSIDE])
            .arg(&self.path)
            .args(arguments);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Result<()> {
        process::run(&mut self.inside(arguments)).with_context(|| arguments.join(" "))
    }

    /// What `whohungup watch` prints of a connection that is made and closed when it is ready.
    pub(super) fn first_close(&self) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").context("listen")?;
        let address = listener.local_addr().context("the address")?;
        let port = address.port().to_string();
        let mut watch = self
            .inside(&["whohungup", "watch", "--count", "1", "--for", "30s", "--port", &port])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("start `whohungup watch`")?;
        // Kept to the end: a pipe that nobody reads would end `watch`.
        let mut said = BufReader::new(watch.stderr.take().context("standard error")?);
        close_when_ready(&mut said, &listener)?;
        let output = watch.wait_with_output().context("wait for `whohungup watch`")?;
        ensure!(output.status.success(), "`whohungup watch`: {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.contains("127.0.0.1")).context("no close was reported")?;
        Ok(line.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Every file and folder, sorted, but what package managers note.
    pub(super) fn files(&self) -> Result<Vec<String>> {
        let text = process::output(Command::new("find").current_dir(&self.path).args([
            ".",
            "-mindepth",
            "1",
            "-printf",
            "%P\\n",
        ]))?;
        let noted = |file: &&str| NOTES.iter().any(|note| file.starts_with(note)) || file.starts_with("tmp/");
        let mut files: Vec<_> = text.lines().filter(|file| !noted(file)).map(str::to_owned).collect();
        files.sort();
        Ok(files)
    }

    /// Does as an administrator does, to each file that the package lets them change.
    pub(super) fn change_config(&self, made: &Made) -> Result<Changed> {
        let mut files = Vec::new();
        for name in made.installed().files()?.iter().filter(|name| name.starts_with("etc/")) {
            let file = self.path.join(name);
            let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
            fs::write(&file, text + CHANGE).with_context(|| format!("write {}", file.display()))?;
            files.push(file);
        }
        if files.is_empty() {
            eprintln!("no configuration to change: the package has none");
        }
        Ok(Changed { files })
    }

    /// As the unit does: a dynamic user's folder, and the link to it.
    pub(super) fn leave_a_record(&self) -> Result<()> {
        fs::create_dir_all(self.path.join(RECORD)).context("make a record")?;
        fs::write(self.path.join(RECORD).join("closes.jsonl"), "{}\n").context("write a record")?;
        symlink("private/whohungup", self.path.join("var/lib/whohungup")).context("link the record")
    }
}

fn close_when_ready(said: &mut impl BufRead, listener: &TcpListener) -> Result<()> {
    let mut line = String::new();
    while line.trim() != "ready" {
        line.clear();
        ensure!(said.read_line(&mut line).context("read what it says")? > 0, "it ended before it was ready");
    }
    let client = TcpStream::connect(listener.local_addr()?).context("connect")?;
    drop(listener.accept().context("accept")?);
    drop(client);
    Ok(())
}
