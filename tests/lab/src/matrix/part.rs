//! Who played a connection, and what for.

use super::scenario::Due;

#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) server: &'static str,
    pub(super) client: &'static str,
    pub(super) scenario: &'static str,
    pub(super) due: Due,
}
