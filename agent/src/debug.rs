//! `whohungup debug bundle`: what a bug report needs, in one file.

mod archive;
mod collect;
mod metrics;
mod names;
mod redact;
mod scrub;

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use jiff::{Timestamp, fmt::strtime};
use serde_json::json;

use crate::{
    cli::{BundleArgs, DebugArgs, DebugCommand},
    output::stdout::printed,
};
use collect::{Body, Document};
use redact::Redactor;

/// Raised when a file of a bundle changes its meaning or goes away.
const SCHEMA: &str = "whohungup.bundle/1";
/// Of one file, bytes: what is larger is left out.
const MOST_OF_ONE: usize = 16 << 20;
/// Of all together.
const MOST: usize = 48 << 20;

/// `whohungup debug`.
///
/// # Errors
/// When the bundle cannot be written.
pub fn debug(args: &DebugArgs) -> anyhow::Result<()> {
    match &args.command {
        DebugCommand::Bundle(args) => bundle(args),
    }
}

fn bundle(args: &BundleArgs) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let mut documents = collect::all(args);
    if !args.no_redact {
        Redactor::redact(&mut documents);
    }
    let files = files(&documents, now, !args.no_redact);
    let path = args.output.clone().unwrap_or_else(|| named_by(now));
    let bytes = archive::write(&path, &files, now)?;
    let missing = documents.iter().filter(|document| matches!(document.body, Body::Missing(_))).count();
    let missing = if missing > 0 {
        format!("; {missing} parts are missing, manifest.json says why")
    } else {
        String::new()
    };
    let look = if args.no_redact {
        "addresses, names and paths are in it"
    } else {
        "addresses, names and paths have pseudonyms; look through it before you attach it"
    };
    let (path, size) = (path.display(), bytes.div_ceil(1024));
    printed(writeln!(io::stdout(), "{path}: {size} KiB, readable by you alone{missing}; {look}"))
}

/// In UTC, so that it says nothing of where the host is.
fn named_by(now: Timestamp) -> PathBuf {
    let time = strtime::format("%Y%m%dT%H%M%SZ", now).unwrap_or_default();
    format!("whohungup-debug-{time}.tar.gz").into()
}

/// What is written, the list of all of it first.
fn files(documents: &[Document], now: Timestamp, redacted: bool) -> Vec<(&'static str, Vec<u8>)> {
    let mut left = MOST;
    let (mut files, mut list) = (Vec::new(), Vec::new());
    for document in documents {
        let name = document.name;
        match document.bytes() {
            Err(why) => list.push(json!({ "name": name, "missing": why })),
            Ok(bytes) if bytes.len() > MOST_OF_ONE.min(left) => {
                let why = format!("left out: it has {} bytes", bytes.len());
                list.push(json!({ "name": name, "missing": why }));
            }
            Ok(bytes) => {
                left -= bytes.len();
                list.push(json!({ "name": name, "bytes": bytes.len() }));
                files.push((name, bytes));
            }
        }
    }
    let manifest = json!({
        "schema": SCHEMA,
        "time": now.to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "redacted": redacted,
        "files": list,
    });
    files.insert(0, ("manifest.json", format!("{manifest:#}\n").into_bytes()));
    files
}

#[cfg(test)]
mod tests;
