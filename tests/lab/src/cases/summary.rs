//! A case in one table: for each way between two programs what the report said of it at each stage.

use std::{
    collections::BTreeSet,
    fmt::{self, Display, Formatter},
};

use super::{
    observed::{Observed, idle_timer},
    stage::{PORTS, Stage},
};
use crate::{
    report::{Endpoint, Timer},
    truth::Side,
};

#[derive(Debug)]
pub(super) struct Summary<'a>(pub(super) &'a [(&'static Stage, &'a Observed)]);

impl Display for Summary<'_> {
    fn fmt(&self, out: &mut Formatter) -> fmt::Result {
        let ways: Vec<_> = (0..PORTS).filter(|port| self.at(*port).next().is_some()).collect();
        write!(out, "| from, to |")?;
        for (number, (stage, _)) in (1..).zip(self.0) {
            write!(out, " {number}. {} |", stage.name.replace('-', " "))?;
        }
        writeln!(out, "\n|---|{}", "---|".repeat(self.0.len()))?;
        for port in ways {
            write!(out, "| {} |", self.who(port))?;
            for (_, seen) in self.0 {
                write!(out, " {} |", seen.endpoint(Side::Server, port).map_or(String::new(), cell))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

impl Summary<'_> {
    fn at(&self, port: u16) -> impl Iterator<Item = &Endpoint> {
        self.0.iter().filter_map(move |(_, seen)| seen.endpoint(Side::Server, port))
    }

    /// The processes at both ends.
    fn who(&self, port: u16) -> String {
        let clients = self.0.iter().flat_map(|(_, seen)| seen.endpoints(Side::Client, port));
        let names = |ends: &mut dyn Iterator<Item = &Endpoint>| {
            let names: BTreeSet<_> =
                ends.map(|end| end.process.as_str()).filter(|name| !name.is_empty()).collect();
            names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        format!("{} to {}", names(&mut { clients }), names(&mut self.at(port)))
    }
}

/// The risk, and who ends idle connections and requests, after how long.
fn cell(end: &Endpoint) -> String {
    let mut parts = Vec::new();
    match end.risk.as_str() {
        "losing" => parts.push(format!("**{} lost**", end.lost)),
        "unknown" => {}
        risk => parts.push(risk.to_owned()),
    }
    for side in [Side::Server, Side::Client] {
        if let Some(timer) = idle_timer(end, side) {
            parts.push(format!("{} idle {:.1} s", side.word(), timer.seconds));
        }
        if let Some(timer) = in_flight_timer(end, side) {
            let (who, phase) = (side.word(), timer.phase.replace('-', " "));
            parts.push(format!("**ended by the {who}** in {phase} {:.1} s", timer.seconds));
        }
    }
    if parts.is_empty() { "-".to_owned() } else { parts.join("; ") }
}

/// The timer of a side that ended the most requests.
fn in_flight_timer(end: &Endpoint, side: Side) -> Option<&Timer> {
    let is_idle = |timer: &Timer| matches!(timer.phase.as_str(), "idle" | "unused");
    let of_side = end.timers.iter().filter(|timer| timer.side == side && !is_idle(timer));
    // Of several clocks with as many closes the shorter time: nothing came before it.
    of_side.max_by(|a, b| a.count.cmp(&b.count).then(b.seconds.total_cmp(&a.seconds)))
}

#[cfg(test)]
mod tests;
