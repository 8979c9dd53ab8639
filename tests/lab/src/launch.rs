//! How a program is started, as the files in `plays` have it: what it is compiled from, the files in its directory, its
//! arguments. `@name@` in any of them stands for a value.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use harness::{software::apache::stretch, spawn};
use serde::Deserialize;

use crate::kit::Kit;

/// The folder of all programs that the lab brings along.
pub(crate) const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/programs");

/// What one instance of a program is told.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Where it listens, or whom it asks.
    pub(crate) at: SocketAddr,
    pub(crate) backend: SocketAddr,
    pub(crate) directory: PathBuf,
    /// Its timeouts are short; otherwise long enough for every script.
    pub(crate) hasty: bool,
    /// Values of this instance, by their names.
    pub(crate) values: Vec<(&'static str, String)>,
}

impl Setting {
    /// In a new directory, patient, and with nothing behind it.
    pub(crate) fn new(kit: &Kit, at: SocketAddr) -> Result<Self> {
        Ok(Self::within(kit.directory()?, at))
    }

    /// The same in a directory that is there.
    pub(crate) fn within(directory: PathBuf, at: SocketAddr) -> Self {
        Self { at, backend: at, directory, hasty: false, values: Vec::new() }
    }

    /// At an address that nobody else has.
    pub(crate) fn anywhere(kit: &Kit) -> Result<Self> {
        Self::new(kit, kit.free_address()?)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    /// Writes a file into the instance's directory.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        }
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Replaces the values of this instance: `@at@`, `@host@`, `@port@`, the same of the backend, `@directory@`, `@hasty@`.
    pub(crate) fn fill(&self, template: &str) -> String {
        let mut text = template.to_owned();
        for (name, value) in &self.values {
            text = put(&text, name, value);
        }
        for (name, of, at) in [("at", "", self.at), ("backend", "backend-", self.backend)] {
            text = put(&text, name, &at.to_string());
            text = put(&text, &format!("{of}host"), &at.ip().to_string());
            text = put(&text, &format!("{of}port"), &at.port().to_string());
        }
        text.replace("@directory@", &self.directory.display().to_string())
            .replace("@hasty@", if self.hasty { "1" } else { "0" })
    }
}

fn put(text: &str, name: &str, value: &str) -> String {
    text.replace(&format!("@{name}@"), value)
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Launch {
    /// The program and its arguments. A word that ends with three dots stands for as many as it has after filling.
    pub(crate) run: Vec<String>,
    /// Files in its directory: each a template below `programs`.
    pub(crate) files: BTreeMap<String, String>,
    /// Files with this content.
    pub(crate) contents: BTreeMap<String, String>,
    /// Files of 100 MB, which take no room on the disk.
    pub(crate) large: Vec<String>,
    /// One source in Go, or some in Java, below `programs`; `@built@` is the program, or the directory of the classes.
    pub(crate) compile: Vec<String>,
    /// What Java is compiled with, and run.
    pub(crate) jars: String,
    pub(crate) variables: BTreeMap<String, String>,
    /// It is started in its directory.
    pub(crate) at_home: bool,
    pub(crate) values: BTreeMap<String, String>,
    /// Values by how patient it is to be.
    pub(crate) hasty: BTreeMap<String, String>,
    pub(crate) patient: BTreeMap<String, String>,
}

impl Launch {
    /// Compiles and writes what it takes; the command is yet to be run.
    pub(crate) fn command(&self, kit: &Kit, setting: &Setting) -> Result<Command> {
        let built = self.build(kit)?;
        let fill = |text: &str| {
            let by_patience = if setting.hasty { &self.hasty } else { &self.patient };
            let values = self.values.iter().chain(by_patience);
            let text = values.fold(text.to_owned(), |text, (name, value)| put(&text, name, value));
            setting
                .fill(&text)
                .replace("@built@", &built.display().to_string())
                .replace("@jars@", &self.jars)
                .replace("@programs@", PROGRAMS)
                .replace("@npm@", &kit.modules().display().to_string())
                .replace("@rust@", &kit.rust_programs().display().to_string())
                .replace("@venv@", &kit.state().join("venv/bin").display().to_string())
        };
        for (name, source) in &self.files {
            setting.write(&fill(name), &fill(&source_of(source)?))?;
        }
        for (name, content) in &self.contents {
            setting.write(&fill(name), &fill(content))?;
        }
        self.large.iter().try_for_each(|name| stretch(&setting.directory.join(name)))?;
        let words: Vec<_> = self.run.iter().flat_map(|word| words(&fill(word))).collect();
        let (program, arguments) = words.split_first().context("a launch has no program")?;
        let mut command = kit.command(program);
        command.args(arguments).envs(self.variables.iter().map(|(name, value)| (name, fill(value))));
        if self.at_home {
            command.current_dir(&setting.directory);
        }
        Ok(command)
    }

    /// Compiles what has to be compiled, once.
    pub(crate) fn build(&self, kit: &Kit) -> Result<PathBuf> {
        match &self.compile[..] {
            [] => Ok(PathBuf::new()),
            [source] if Path::new(source).extension().is_some_and(|kind| kind == "go") => {
                kit.once(source, || go_program(kit, source))
            }
            all => kit.once(&all.join(" "), || java_classes(kit, all, &self.jars)),
        }
    }
}

fn words(text: &str) -> Vec<String> {
    match text.strip_suffix("...") {
        Some(all) => all.split_whitespace().map(str::to_owned).collect(),
        None => vec![text.to_owned()],
    }
}

/// A file below `programs`.
pub(crate) fn source_of(name: &str) -> Result<String> {
    let path = Path::new(PROGRAMS).join(name);
    fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

/// The directory of these classes.
fn java_classes(kit: &Kit, sources: &[String], class_path: &str) -> Result<PathBuf> {
    let classes = kit.directory()?;
    let mut command = kit.command("javac");
    command.args(["-cp", class_path, "-d"]).arg(&classes).args(sources.iter().map(|one| below_programs(one)));
    compile(command, &sources.join(" "))?;
    Ok(classes)
}

/// A program of one file. The cache makes the second time cheap.
fn go_program(kit: &Kit, source: &str) -> Result<PathBuf> {
    let name = Path::new(source).file_stem().context("a source has a name")?;
    let binary = kit.directory()?.join(name);
    let mut command = kit.command("go");
    command
        .args(["build", "-o"])
        .arg(&binary)
        .arg(below_programs(source))
        .env("GOCACHE", kit.state().join("go-cache"))
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=mod")
        .env("GO111MODULE", "off");
    compile(command, source)?;
    Ok(binary)
}

fn below_programs(name: &str) -> PathBuf {
    Path::new(PROGRAMS).join(name)
}

fn compile(mut command: Command, what: &str) -> Result<()> {
    let status = spawn(&mut command)?.wait().context("wait for a compiler")?;
    ensure!(status.success(), "the compiler refused {what}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_told_its_own_values() {
        let directory = tempfile::tempdir().unwrap();
        let kit = Kit::new(directory.path().to_owned()).unwrap();
        let setting = Setting::new(&kit, "127.0.0.1:80".parse().unwrap()).unwrap().with("more", "-a -b");
        let launch = Launch {
            run: ["sh", "@host@", "@port@/@backend@", "@more@...", "@limit@", "@hasty@"]
                .map(str::to_owned)
                .to_vec(),
            patient: [("limit".to_owned(), "60s".to_owned())].into(),
            contents: [("a/b".to_owned(), "@at@".to_owned())].into(),
            ..Launch::default()
        };

        let command = launch.command(&kit, &setting).unwrap();

        let said: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(said, ["127.0.0.1", "80/127.0.0.1:80", "-a", "-b", "60s", "0"]);
        assert_eq!(fs::read_to_string(setting.directory.join("a/b")).unwrap(), "127.0.0.1:80");
    }
}
