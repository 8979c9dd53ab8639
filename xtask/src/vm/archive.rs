//! Kernels and busybox as Debian's archive has them, through an apt of our own that leaves the system's alone.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::Arch;
use crate::process;

/// Small lists where they will do: 5.10; 6.1 and 6.12; what is newer; busybox.
const SUITES: [(&str, &str); 4] = [
    ("debian-security", "bullseye-security"),
    ("debian-security", "bookworm-security"),
    ("debian", "trixie-backports"),
    ("debian", "bookworm"),
];
const MIRROR: &str = "http://deb.debian.org";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// A newer point release is welcome, but not each hour.
const FRESH: Duration = Duration::from_hours(24);

#[derive(Debug)]
pub(super) struct Archive {
    dir: PathBuf,
}

/// A kernel, unpacked.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) image: PathBuf,
    /// Where its modules lie, somewhere below.
    pub(super) modules: PathBuf,
}

impl Archive {
    /// Sets up and refreshes the package lists below `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let archive = Self { dir: dir.to_path_buf() };
        let apt = dir.join("apt");
        for folder in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(apt.join(folder)).with_context(|| format!("create {folder}"))?;
        }
        ensure!(Path::new(KEYRING).is_file(), "{KEYRING} is missing; install debian-archive-keyring");
        let sources: Vec<_> = SUITES
            .iter()
            .map(|(area, suite)| {
                format!("deb [arch=amd64,arm64 signed-by={KEYRING}] {MIRROR}/{area} {suite} main\n")
            })
            .collect();
        let here = apt.display();
        let conf = format!(
            "Dir::State \"{here}/state\";\nDir::State::status \"{here}/status\";\nDir::Cache \"{here}/cache\";\n\
             Dir::Etc::SourceList \"{here}/sources.list\";\nDir::Etc::SourceParts \"/dev/null\";\n\
             Dir::Etc::Preferences \"/dev/null\";\nDir::Etc::PreferencesParts \"/dev/null\";\n\
             APT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; \"arm64\"; }};\nAPT::Sandbox::User \"root\";\n\
             Acquire::Languages \"none\";\nAcquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n"
        );
        for (name, text) in
            [("sources.list", sources.concat()), ("apt.conf", conf), ("status", String::new())]
        {
            fs::write(apt.join(name), text).with_context(|| format!("write {name}"))?;
        }
        archive.refresh()?;
        Ok(archive)
    }

    fn refresh(&self) -> Result<()> {
        let stamp = self.dir.join("apt/fresh");
        let age =
            fs::metadata(&stamp).and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age < FRESH) {
            return Ok(());
        }
        match process::run(self.apt("apt-get").args(["update", "-qq"])) {
            Ok(()) => fs::write(&stamp, "").context("note that the lists are fresh"),
            // What was fetched before still boots.
            Err(error) if age.is_some() => {
                eprintln!("warning: the lists of kernels are old: {error:#}");
                Ok(())
            }
            Err(error) => Err(error).context("fetch the lists of Debian's kernels"),
        }
    }

    /// The newest kernel whose version begins with `line`.
    pub(super) fn kernel(&self, line: &str, arch: Arch) -> Result<Kernel> {
        let names = process::output(self.apt("apt-cache").args(["pkgnames", "linux-image-"]))?;
        let suffix = format!("-cloud-{}", arch.debian());
        let newest = newest(&names, line, &suffix)
            .with_context(|| format!("Debian has no cloud kernel {line} for {}", arch.debian()))?;
        // Since 7.2 the image and the modules are packages of their own.
        let all = process::output(self.apt("apt-cache").args(["pkgnames", "linux-"]))?;
        let parts: Vec<_> = ["linux-image", "linux-binary", "linux-modules"]
            .iter()
            .map(|part| format!("{part}-{newest}{suffix}"))
            .filter(|package| all.lines().any(|name| name == package))
            .map(|package| self.unpacked(&package, arch))
            .collect();
        let version = format!("{newest}{suffix}");
        // Since 7.3 the image lies beside the modules.
        let places = [format!("boot/vmlinuz-{version}"), format!("usr/lib/modules/{version}/vmlinuz")];
        let image = parts
            .iter()
            .flatten()
            .flat_map(|root| places.iter().map(|place| root.join(place)))
            .find(|image| image.is_file());
        let modules = parts
            .iter()
            .flatten()
            .find(|root| ["lib/modules", "usr/lib/modules"].iter().any(|place| root.join(place).is_dir()));
        let (Some(image), Some(modules)) = (image, modules) else {
            let why = parts.into_iter().find_map(Result::err);
            return Err(why.context("find the image in the package")?)
                .with_context(|| format!("unpack the kernel {newest}"));
        };
        Ok(Kernel { image, modules: modules.clone() })
    }

    /// The folder with a package's files, fetched once.
    pub(super) fn unpacked(&self, package: &str, arch: Arch) -> Result<PathBuf> {
        let to = self.dir.join("unpacked").join(format!("{package}_{}", arch.debian()));
        if to.is_dir() {
            return Ok(to);
        }
        let fetched = self.dir.join("fetched");
        let _left_over = fs::remove_dir_all(&fetched);
        fs::create_dir_all(&fetched).context("make a folder for a package")?;
        process::run(self.apt("apt-get").current_dir(&fetched).args([
            "download",
            "-qq",
            &format!("{package}:{}", arch.debian()),
        ]))?;
        let file = fs::read_dir(&fetched)?.flatten().next().context("find the package that was fetched")?;
        let half = fetched.join("files");
        process::run(Command::new("dpkg-deb").arg("-x").arg(file.path()).arg(&half))?;
        fs::create_dir_all(self.dir.join("unpacked")).context("make a folder for packages")?;
        fs::rename(&half, &to).with_context(|| format!("move to {}", to.display()))?;
        Ok(to)
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.dir.join("apt/apt.conf"));
        command
    }
}

/// Of `linux-image-VERSION-cloud-ARCH`, the highest VERSION of a line.
fn newest<'a>(names: &'a str, line: &str, suffix: &str) -> Option<&'a str> {
    let numbers = |version: &str| -> Vec<u32> {
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
    };
    let wanted = numbers(line);
    names
        .lines()
        .filter_map(|name| name.strip_prefix("linux-image-")?.strip_suffix(suffix))
        .filter(|version| {
            version.starts_with(|c: char| c.is_ascii_digit()) && version.matches('.').count() > 1
        })
        .filter(|version| numbers(version).starts_with(&wanted))
        .max_by_key(|version| numbers(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_a_line_is_found_by_its_numbers() {
        let names = "linux-image-6.1.0-9-cloud-amd64\nlinux-image-6.1.0-57-cloud-amd64\n\
                     linux-image-6.1.0-58-cloud-amd64-dbg\nlinux-image-6.1.0-58-cloud-arm64\n\
                     linux-image-6.1-cloud-amd64\nlinux-image-6.12.9+deb12-cloud-amd64\nlinux-image-cloud-amd64\n";
        assert_eq!(newest(names, "6.1", "-cloud-amd64"), Some("6.1.0-57"));
        assert_eq!(newest(names, "6.12", "-cloud-amd64"), Some("6.12.9+deb12"));
        assert_eq!(newest(names, "5.15", "-cloud-amd64"), None);
    }
}
