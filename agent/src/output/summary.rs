//! What a watch saw, counted.

use std::{collections::BTreeMap, fmt};

use super::line::seconds;
use whohungup_core::{close::ClosedConnection, labels::Verdict};

/// Counts closes by verdict, with the range of their idle times.
#[derive(Debug, Default)]
pub struct Summary {
    rows: BTreeMap<Verdict, Row>,
    amended: u64,
}

#[derive(Debug, Default)]
struct Row {
    closes: u64,
    idle: Option<(f64, f64)>,
}

impl Summary {
    pub fn add(&mut self, closed: &ClosedConnection) {
        if closed.amends {
            self.amended += 1;
            return;
        }
        let row = self.rows.entry(closed.verdict).or_default();
        row.closes += 1;
        if let Some(idle) = closed.idle {
            let (least, most) = row.idle.unwrap_or((idle, idle));
            row.idle = Some((least.min(idle), most.max(idle)));
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u64 = self.rows.values().map(|row| row.closes).sum();
        writeln!(f, "{:<18} {:>8} {:>7}  IDLE AT CLOSE", "VERDICT", "CLOSES", "SHARE")?;
        for (verdict, row) in &self.rows {
            let share = row.closes as f64 * 100.0 / total as f64;
            let idle = match row.idle {
                None => String::new(),
                Some((least, most)) => format!("{} to {}", seconds(Some(least)), seconds(Some(most))),
            };
            writeln!(f, "{}", format!("{verdict:<18} {:>8} {share:>6.1}%  {idle}", row.closes).trim_end())?;
        }
        write!(f, "{:<18} {total:>8}", "all")?;
        if self.amended > 0 {
            write!(f, "\n{} verdicts were amended by requests that came later", self.amended)?;
        }
        Ok(())
    }
}
