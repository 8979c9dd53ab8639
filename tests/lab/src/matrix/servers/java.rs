//! Servers in Java: Tomcat and Jetty embedded, as Debian has them, and the JDK's own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use harness::software::java::{self, JETTY_JARS, jar_version};

use super::{Server, with_arguments};
use crate::{
    kit::{self, Kit, Need},
    software::{clients::java_class, runtimes::JAVA_NEEDS},
    truth::Phase::{Idle, RequestBody, RequestHead, Response, Unused, Waiting},
};

const JAVAC: Need = Need::Apt { package: "openjdk-17-jdk-headless", program: "javac" };

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
        Ok(with_arguments(run(command, classes, "PlainServer", ""), setting))
    },
    timers: &[Unused, RequestHead, RequestBody, Waiting, Response, Idle],
    is_proxy: false,
    announces: false,
    log: None,
};

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
    command: |kit, setting, classes| {
        Ok(with_arguments(run(java(kit), classes, "JettyServer", JETTY_JARS), setting))
    },
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
        let mut command = with_arguments(run(java(kit), classes, "TomcatServer", TOMCAT_JARS), setting);
        command.arg(&setting.directory);
        Ok(command)
    },
    timers: &[Unused, RequestHead, RequestBody, Idle],
    is_proxy: false,
    announces: true,
    log: None,
};

fn java(kit: &Kit) -> Command {
    java::small(kit.command("java"))
}

fn run(command: Command, classes: &Path, name: &str, jars: &str) -> Command {
    let path = fs::read_to_string(classes.join("path")).unwrap_or_default();
    java::main(command, format_args!("{path}:{jars}"), name)
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
