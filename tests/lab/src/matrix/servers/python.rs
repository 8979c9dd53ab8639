//! Servers in Python.

use std::process::Command;

use anyhow::Result;

use super::{Server, nothing, with_arguments};
use crate::{
    kit::{Kit, Need},
    setting::Setting,
    software::runtimes::python_version,
    truth::Phase::{Idle, RequestBody, RequestHead, Unused},
};

pub(super) const AIOHTTP: Server = Server {
    name: "aiohttp",
    needs: &[Need::Pypi("aiohttp")],
    version: |kit| python_version(kit, "aiohttp"),
    prepare: nothing,
    command: |kit, setting, _| {
        let text = include_str!("../../../programs/matrix/servers/server_aiohttp.py");
        script(kit, setting, "server.py", text)
    },
    timers: &[Unused, RequestHead, Idle],
    is_proxy: false,
    announces: false,
    log: None,
};

pub(super) const TORNADO: Server = Server {
    name: "Tornado",
    needs: &[Need::Pypi("tornado")],
    version: |kit| python_version(kit, "tornado"),
    command: |kit, setting, _| {
        let text = include_str!("../../../programs/matrix/servers/server_tornado.py");
        script(kit, setting, "server.py", text)
    },
    timers: &[Unused, RequestHead, RequestBody, Idle],
    ..AIOHTTP
};

pub(super) const UVICORN: Server = Server {
    name: "uvicorn",
    needs: &[Need::Pypi("uvicorn")],
    version: |kit| python_version(kit, "uvicorn"),
    command: |kit, setting, _| {
        let mut command = asgi(kit, setting, "uvicorn")?;
        command.arg("asgi:app").args(["--host", &setting.at.ip().to_string()]);
        command.args(["--port", &setting.at.port().to_string(), "--backlog", "1024"]);
        command.args(["--no-access-log", "--timeout-graceful-shutdown", "2"]);
        command.args(["--timeout-keep-alive", limit(setting)]);
        Ok(command)
    },
    timers: &[Idle],
    ..AIOHTTP
};

pub(super) const HYPERCORN: Server = Server {
    name: "Hypercorn",
    needs: &[Need::Pypi("hypercorn")],
    version: |kit| python_version(kit, "hypercorn"),
    command: |kit, setting, _| {
        let mut command = asgi(kit, setting, "hypercorn")?;
        command.args(["asgi:app", "--bind", &setting.at.to_string(), "--backlog", "1024"]);
        command.args(["--graceful-timeout", "2", "--keep-alive", limit(setting)]);
        Ok(command)
    },
    timers: &[Unused, RequestHead, Idle],
    ..AIOHTTP
};

pub(super) const GUNICORN: Server = Server {
    name: "gunicorn gthread",
    needs: &[Need::Pypi("gunicorn")],
    version: |kit| python_version(kit, "gunicorn"),
    command: |kit, setting, _| {
        wsgi(setting)?;
        let mut command = kit.command("gunicorn");
        command.arg("--chdir").arg(&setting.directory).args(["--bind", &setting.at.to_string()]);
        command.args(["--worker-class", "gthread", "--threads", "300", "--worker-connections", "2000"]);
        command.args(["--graceful-timeout", "2", "--keep-alive", limit(setting), "wsgi:application"]);
        Ok(command)
    },
    timers: &[Idle],
    ..AIOHTTP
};

pub(super) const WAITRESS: Server = Server {
    name: "waitress",
    needs: &[Need::Pypi("waitress")],
    version: |kit| python_version(kit, "waitress"),
    command: |kit, setting, _| {
        wsgi(setting)?;
        let text = include_str!("../../../programs/matrix/servers/server_waitress.py");
        script(kit, setting, "server.py", text)
    },
    timers: &[Unused, RequestHead, RequestBody, Idle],
    ..AIOHTTP
};

fn limit(setting: &Setting) -> &'static str {
    if setting.hasty { "2" } else { "120" }
}

fn script(kit: &Kit, setting: &Setting, name: &str, text: &str) -> Result<Command> {
    let mut command = kit.command("python");
    command.arg(setting.write(name, text)?);
    Ok(with_arguments(command, setting))
}

fn asgi(kit: &Kit, setting: &Setting, server: &str) -> Result<Command> {
    setting.write("asgi.py", include_str!("../../../programs/matrix/servers/asgi.py"))?;
    let mut command = kit.command(server);
    command.current_dir(&setting.directory).env("PYTHONPATH", &setting.directory);
    Ok(command)
}

fn wsgi(setting: &Setting) -> Result<()> {
    setting.write("wsgi.py", include_str!("../../../programs/matrix/servers/wsgi.py"))?;
    Ok(())
}
