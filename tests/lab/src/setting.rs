//! What one instance of a server is told.

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, Result};

/// What one instance is told.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) at: SocketAddr,
    pub(crate) backend: SocketAddr,
    pub(crate) directory: PathBuf,
    /// Its timeouts are short; otherwise long enough for every script.
    pub(crate) hasty: bool,
}

impl Setting {
    /// Writes a file into the instance's directory.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Replaces `@at@`, `@host@`, `@port@`, `@backend@`, `@backend-host@`, `@backend-port@`, `@directory@`.
    pub(crate) fn fill(&self, template: &str) -> String {
        template
            .replace("@at@", &self.at.to_string())
            .replace("@host@", &self.at.ip().to_string())
            .replace("@port@", &self.at.port().to_string())
            .replace("@backend@", &self.backend.to_string())
            .replace("@backend-host@", &self.backend.ip().to_string())
            .replace("@backend-port@", &self.backend.port().to_string())
            .replace("@directory@", &self.directory.display().to_string())
    }
}
