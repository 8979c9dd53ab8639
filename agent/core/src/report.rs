//! The report as text: for a terminal and for a ticket, and the lines that both share with the page and `top`.

pub mod format;
pub mod losses;
pub mod markdown;
mod services;
pub mod shutdowns;
pub mod sparkline;
pub mod text;
