//! Java.

use std::{fmt::Display, fs, process::Command};

use anyhow::{Context as _, Result};

const JARS: &str = "/usr/share/java";
pub const JETTY_JARS: &str = "/usr/share/java/jetty9-server.jar:/usr/share/java/jetty9-http.jar:/usr/share/java/jetty9-io.jar:\
    /usr/share/java/jetty9-util.jar:/usr/share/java/servlet-api.jar";

/// As little of the machine as it can be had with: many programs start at once.
pub fn small(mut java: Command) -> Command {
    java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
    java
}

/// The class's `main`, found on this class path.
pub fn main(mut java: Command, class_path: impl Display, class: &str) -> Command {
    java.arg("-cp").arg(class_path.to_string()).arg(class);
    java
}

/// Debian names one jar with the version and links the other to it, in either direction.
pub fn jar_version(prefix: &str) -> Result<String> {
    let jars = fs::read_dir(JARS).with_context(|| format!("look for jars in {JARS}"))?;
    let names = jars.filter_map(|jar| jar.ok()?.file_name().into_string().ok());
    let mut versions = names.filter_map(|name| {
        let version = name.strip_prefix(prefix)?.strip_suffix(".jar")?;
        let is_number = version.starts_with(|first: char| first.is_ascii_digit());
        is_number.then(|| version.split(".v").next().unwrap_or_default().to_owned())
    });
    versions.next().with_context(|| format!("find a version in the name of a jar called {prefix}*"))
}
