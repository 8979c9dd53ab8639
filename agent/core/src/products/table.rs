//! The table of the docs.

use std::fmt::Write as _;

use super::{Announces, Closes, Nominal, Product, Products, Row, Spoken, matching::tidy};

/// All rows as Markdown, one table for each end that keeps the timer.
pub fn table(products: &Products) -> String {
    let mut text = String::from(
        "| product | side | protocols | phases | clock | closes after | how | setting | for | source |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (product, row) in products.rows() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", line(product, row));
    }
    text
}

fn line(product: &Product, row: &Row) -> String {
    let mut versions = row.versions.clone();
    if let Some(note) = &row.note {
        let _ = write!(versions, ". {note}");
    }
    let cells = [
        product.name.clone(),
        joined(row.sides.iter()),
        match &row.protocols {
            Some(Spoken::Any) => "any".to_owned(),
            Some(Spoken::NotHttp) => "all but HTTP".to_owned(),
            Some(Spoken::Of(these)) => joined(these.iter()),
            Some(Spoken::Http) | None => "HTTP".to_owned(),
        },
        joined(row.phases.iter()),
        row.clock.to_string(),
        time(row),
        how(row),
        format!("`{}`", row.setting.name),
        versions,
        row.source
            .strip_prefix("measured: ")
            .map_or_else(|| format!("<{}>", row.source), |measured| format!("measured: {measured}")),
    ];
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |", cells.join(" | "))
}

fn joined<T: ToString>(words: impl Iterator<Item = T>) -> String {
    words.map(|word| word.to_string()).collect::<Vec<_>>().join(", ")
}

/// `5 s + 1 s`, `120 s to 150 s`, `announced - 2 s`, `never`.
fn time(row: &Row) -> String {
    let base = match row.nominal {
        Nominal::Never => return "never".to_owned(),
        Nominal::Announced => "announced".to_owned(),
        Nominal::Seconds(seconds) => format!("{} s", tidy(seconds)),
    };
    let sign = if row.bias < 0.0 { '-' } else { '+' };
    let biased = if row.bias == 0.0 { base } else { format!("{base} {sign} {} s", tidy(row.bias.abs())) };
    match row.earliest(None) {
        Some(earliest) if row.granularity > 0.0 => {
            format!("{biased}, to {} s", tidy(earliest + row.granularity))
        }
        _ => biased,
    }
}

fn how(row: &Row) -> String {
    if row.nominal == Nominal::Never {
        return "-".to_owned();
    }
    let mut how = match row.closes {
        Closes::Fin => "FIN",
        Closes::Rst => "RST",
        Closes::Silent => "silent",
    }
    .to_owned();
    if let Some(sends) = &row.sends {
        let _ = write!(how, ", {sends} first");
    }
    match row.announces {
        Announces::Never => {}
        Announces::Sometimes => how.push_str(", may announce it"),
        Announces::Always => how.push_str(", announces it"),
    }
    how
}
