//! The clients of the gateways.

use std::{net::SocketAddr, process::Command};

use anyhow::Result;
use harness::software::java;
use serde_json::json;

use super::{super::stage::Scene, gateways::milliseconds};
use crate::software::{clients::java_class, runtimes::go_program};

/// How a pool is kept from holding connections for too long, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Requests,
    Aiohttp,
    Go,
    /// By its default it holds connections for 1200 s.
    Java,
    /// Apache HttpClient 4.
    JavaPool,
}

/// What clients do, each over connections of its own.
#[derive(Debug)]
pub(super) struct Asking {
    /// The pauses between the requests of each connection, milliseconds, not scaled.
    pub(super) gaps: Vec<Vec<u64>>,
    /// How long each request takes the model server, seconds of the true case, as all below.
    pub(super) work: f64,
    /// The same in seconds of the play, instead.
    pub(super) works_for: Option<f64>,
    pub(super) timeout: f64,
    /// After how long the pool closes idle connections; 0: it does not.
    pub(super) idle: f64,
    /// How long connections are held after the last request.
    pub(super) hold: f64,
    /// Between the beginnings of two connections, milliseconds, not scaled.
    pub(super) apart: u64,
}

impl Who {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Aiohttp => "aiohttp",
            Self::Go => "Go",
            Self::Java => "Java HttpClient",
            Self::JavaPool => "Apache HttpClient",
        }
    }

    pub(super) fn command(self, scene: &Scene, asking: &Asking, at: SocketAddr) -> Result<Command> {
        let ms = |seconds| milliseconds(scene, seconds);
        let url = format!(
            "http://{at}/work/{}",
            asking.works_for.map_or_else(|| ms(asking.work), |seconds| (seconds * 1e3) as u64)
        );
        let plan = json!({
            "url": url,
            "gaps_ms": asking.gaps,
            "timeout_ms": ms(asking.timeout),
            "idle_ms": ms(asking.idle),
            "hold_ms": ms(asking.hold),
            "apart_ms": asking.apart,
        });
        Ok(match self {
            Self::Requests | Self::Aiohttp => {
                let source = include_str!("../../../programs/cases/gateway/ask.py");
                let mut command = scene.kit.command("python");
                command.arg(scene.write("ask.py", source)?).arg(plan.to_string());
                command
            }
            Self::Go => {
                let source = include_str!("../../../programs/cases/gateway/ask.go");
                let program = scene.kit.once("ask.go", || go_program(scene.kit, "ask", source))?;
                let mut command = Command::new(program);
                command.arg(plan.to_string());
                command
            }
            Self::Java => {
                let source = include_str!("../../../programs/cases/gateway/Ask.java");
                let classes = scene.kit.once("Ask.java", || java_class(scene.kit, "Ask", source, ""))?;
                let mut command = java::main(java(scene), classes.display(), "Ask");
                command.arg(url);
                with_arguments(command, asking, &[ms(asking.timeout), ms(asking.hold), asking.apart])
            }
            Self::JavaPool => {
                let source = include_str!("../../../programs/cases/gateway/AskPool.java");
                let compile = || java_class(scene.kit, "AskPool", source, HTTPCLIENT);
                let classes = scene.kit.once("AskPool.java", compile)?;
                let class_path = format!("{}:{HTTPCLIENT}", classes.display());
                let mut command = java::main(java(scene), class_path, "AskPool");
                command.arg(url);
                with_arguments(
                    command,
                    asking,
                    &[ms(asking.timeout), ms(asking.idle), ms(asking.hold), asking.apart],
                )
            }
        })
    }
}

fn java(scene: &Scene) -> Command {
    java::small(scene.kit.command("java"))
}

fn with_arguments(mut command: Command, asking: &Asking, times: &[u64]) -> Command {
    command.args(times.iter().map(u64::to_string));
    command
        .args(asking.gaps.iter().map(|gaps| gaps.iter().map(u64::to_string).collect::<Vec<_>>().join(",")));
    command
}

const HTTPCLIENT: &str = "/usr/share/java/httpclient.jar:/usr/share/java/httpcore.jar:\
    /usr/share/java/commons-logging.jar:/usr/share/java/commons-codec.jar";
