//! Servers in Java: Tomcat and Jetty embedded, as Debian has them, and the JDK's own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Server, told};
use crate::{
    kit::{self, Kit, Need},
    software::{clients::java_class, runtimes::JAVA_NEEDS},
    truth::Phase::{Idle, RequestBody, RequestHead, Response, Unused, Waiting},
};

const JAVAC: Need = Need::Apt { package: "openjdk-17-jdk-headless", program: "javac" };
const JARS: &str = "/usr/share/java";

pub(super) const PLAIN: Server = Server {
    name: "JDK HttpServer",
    needs: &[JAVA_NEEDS[0], JAVAC],
    version: |kit| kit::version(kit.command("java").arg("--version")),
    prepare: |kit| {
        compile(kit, "PlainServer", include_str!("../../../programs/matrix/servers/PlainServer.java"), "")
    },
    command: |kit, setting, classes| {
        let mut command = java(kit);
        let of = |name: &str, value: u32| format!("-Dsun.net.httpserver.{name}={value}");
        command.arg(of("maxIdleConnections", 2000));
        if setting.hasty {
            // Seconds, and how often they are looked at, in milliseconds.
            command.args([of("idleInterval", 2), of("clockTick", 200)]);
            command.args([of("maxReqTime", 2), of("maxRspTime", 2), of("timerMillis", 200)]);
        } else {
            command.arg(of("idleInterval", 120));
        }
        Ok(told(run(command, classes, "PlainServer", ""), setting))
    },
    timers: &[Unused, RequestHead, RequestBody, Waiting, Response, Idle],
    is_proxy: false,
    announces: false,
    log: None,
};

const JETTY_JARS: &str = "/usr/share/java/jetty9-server.jar:/usr/share/java/jetty9-http.jar:/usr/share/java/jetty9-io.jar:\
    /usr/share/java/jetty9-util.jar:/usr/share/java/servlet-api.jar";

pub(super) const JETTY: Server = Server {
    name: "Jetty",
    needs: &[
        JAVA_NEEDS[0],
        JAVAC,
        Need::AptFile { package: "libjetty9-java", file: "/usr/share/java/jetty9-server.jar" },
    ],
    version: |_| jar_version("jetty9-server-"),
    prepare: |kit| {
        let source = include_str!("../../../programs/matrix/servers/JettyServer.java");
        compile(kit, "JettyServer", source, JETTY_JARS)
    },
    command: |kit, setting, classes| Ok(told(run(java(kit), classes, "JettyServer", JETTY_JARS), setting)),
    timers: &[Unused, RequestHead, RequestBody, Idle],
    is_proxy: false,
    announces: false,
    log: None,
};

/// All of Tomcat's own directory.
const TOMCAT_JARS: &str = "/usr/share/tomcat10/lib/*:/usr/share/tomcat10/bin/*";

pub(super) const TOMCAT: Server = Server {
    name: "Tomcat",
    needs: &[
        JAVA_NEEDS[0],
        JAVAC,
        Need::AptFile { package: "tomcat10-common", file: "/usr/share/tomcat10/lib/catalina.jar" },
    ],
    version: |_| jar_version("tomcat10-catalina-"),
    prepare: |kit| {
        let source = include_str!("../../../programs/matrix/servers/TomcatServer.java");
        compile(kit, "TomcatServer", source, TOMCAT_JARS)
    },
    command: |kit, setting, classes| {
        let mut command = told(run(java(kit), classes, "TomcatServer", TOMCAT_JARS), setting);
        command.arg(&setting.directory);
        Ok(command)
    },
    timers: &[Unused, RequestHead, RequestBody, Idle],
    is_proxy: false,
    announces: true,
    log: None,
};

/// As little of the machine as it can be had with: many programs start at once.
fn java(kit: &Kit) -> Command {
    let mut command = kit.command("java");
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]);
    command
}

fn run(mut command: Command, classes: &Path, name: &str, jars: &str) -> Command {
    let path = fs::read_to_string(classes.join("path")).unwrap_or_default();
    command.arg("-cp").arg(format!("{path}:{jars}")).arg(name);
    command
}

/// Returns a directory with a file `path`: the class path of the program and of what it answers.
fn compile(kit: &Kit, name: &str, source: &str, jars: &str) -> Result<PathBuf> {
    let targets =
        java_class(kit, "Targets", include_str!("../../../programs/matrix/servers/Targets.java"), "")?;
    let classes = java_class(kit, name, source, &format!("{}:{jars}", targets.display()))?;
    let path = format!("{}:{}", classes.display(), targets.display());
    fs::write(classes.join("path"), path).context("write a class path")?;
    Ok(classes)
}

/// Debian names one jar with the version and links the other to it, in either direction.
fn jar_version(prefix: &str) -> Result<String> {
    let jars = fs::read_dir(JARS).with_context(|| format!("look for jars in {JARS}"))?;
    let names = jars.filter_map(|jar| jar.ok()?.file_name().into_string().ok());
    let mut versions = names.filter_map(|name| {
        let version = name.strip_prefix(prefix)?.strip_suffix(".jar")?;
        let is_number = version.starts_with(|first: char| first.is_ascii_digit());
        is_number.then(|| version.split(".v").next().unwrap_or_default().to_owned())
    });
    versions.next().with_context(|| format!("find a version in the name of a jar called {prefix}*"))
}
