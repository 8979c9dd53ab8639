//! The docs keep one style: short lines, one sentence on each, the words that people search for, links that lead
//! somewhere. CONTRIBUTING.md states it.

use std::path::Path;

use crate::repository::{path, read};

/// Folders with pages, beside the pages at the top.
const FOLDERS: [&str; 5] = ["docs", "dashboards", "deploy", "tests", ".github"];
/// Written by the lab from what it played, or not ours.
const LEFT_OUT: [&str; 4] = ["docs/cases", "node_modules", "build", "target"];
const LONGEST: usize = 120;

/// Spelled otherwise by everybody else.
const MISSPELT: [&str; 2] = ["time-out", "re-use"];
/// Words that only this project would understand; `code` may have them.
const PRIVATE: [&str; 10] =
    ["told", "lore", "kin", "keeper", "sought", "newcomers", "knob", "knobs", "masked", "goodbye"];

/// Every page, by its path in the repository.
fn pages() -> Vec<String> {
    let mut pages = Vec::new();
    collect(&path("."), "", false, &mut pages);
    for folder in FOLDERS {
        collect(&path(folder), &[folder, "/"].concat(), true, &mut pages);
    }
    pages.sort();
    assert!(pages.len() > 20 && pages.iter().any(|page| page == "README.md"), "{pages:?}");
    pages
}

fn collect(folder: &Path, prefix: &str, deeper: bool, pages: &mut Vec<String>) {
    for entry in folder.read_dir().unwrap_or_else(|error| panic!("list {}: {error}", folder.display())) {
        let entry = entry.expect("an entry");
        let name = [prefix, &entry.file_name().to_string_lossy()].concat();
        if LEFT_OUT.iter().any(|out| name.ends_with(out)) {
            continue;
        }
        if entry.path().is_dir() && deeper {
            collect(&entry.path(), &[&name, "/"].concat(), deeper, pages);
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
            pages.push(name);
        }
    }
}

/// Lines with their numbers that are neither code nor, unless asked for, rows of a table.
fn prose(text: &str, tables: bool) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence && (tables || !line.trim_start().starts_with('|'))
    })
}

/// A line without its `code`.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// Whether a sentence ends in the line and another begins.
fn has_two_sentences(line: &str) -> bool {
    let words = without_code(line);
    [". ", "? ", "! "].iter().any(|end| {
        words.match_indices(end).any(|(at, _)| {
            let (before, after) = (&words[..at], &words[at + end.len()..]);
            let is_numbered = before.trim().chars().all(|c| c.is_ascii_digit());
            !is_numbered && after.trim_start().starts_with(char::is_uppercase)
        })
    })
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn no_line_is_too_long() {
    let mut found = Vec::new();
    for page in pages() {
        for (number, line) in prose(&read(&page), false) {
            let length = line.chars().count();
            if length > LONGEST {
                found.push(format!("{page}:{number}: {length} characters"));
            }
        }
    }
    assert_none("lines over 120 characters", &found);
}

#[test]
fn each_line_has_at_most_one_sentence() {
    let mut found = Vec::new();
    for page in pages() {
        let text = read(&page);
        let lines = prose(&text, false).filter(|(_, line)| has_two_sentences(line));
        found.extend(lines.map(|(number, line)| format!("{page}:{number}: {line}")));
    }
    assert_none("lines with two sentences", &found);
}

#[test]
fn words_are_spelled_as_people_search_for_them() {
    let mut found = Vec::new();
    for page in pages() {
        for (number, line) in (1..).zip(read(&page).lines()) {
            let line = line.to_lowercase();
            let wrong = MISSPELT.into_iter().filter(|word| without_code(&line).contains(word));
            found.extend(wrong.map(|word| format!("{page}:{number}: {word}")));
        }
    }
    assert_none("other people write \"timeout\" and \"reuse\"", &found);
}

#[test]
fn no_private_word_is_used() {
    let mut found = Vec::new();
    for page in pages() {
        let text = read(&page);
        for (number, line) in prose(&text, true) {
            let line = without_code(line).to_lowercase();
            let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            let private = words.filter(|word| PRIVATE.contains(word));
            found.extend(private.map(|word| format!("{page}:{number}: {word}")));
        }
    }
    assert_none("words of nobody else", &found);
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut found = Vec::new();
    let mut links = 0;
    for page in pages() {
        let folder = path(&page).parent().map(Path::to_owned).unwrap_or_default();
        let text = read(&page);
        for (number, line) in prose(&text, true) {
            for link in without_code(line).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let (file, part) = link.split_once('#').unwrap_or((link, ""));
                if link.contains("://") {
                    continue;
                }
                links += 1;
                let target = if file.is_empty() { path(&page) } else { folder.join(file) };
                if !target.exists() || !(part.is_empty() || has_heading(&target, part)) {
                    found.push(format!("{page}:{number}: {link}"));
                }
            }
        }
    }
    assert!(links > 50, "{links}");
    assert_none("links that lead nowhere", &found);
}

/// Whether a page has the heading that GitHub gives this anchor.
fn has_heading(page: &Path, anchor: &str) -> bool {
    let text = std::fs::read_to_string(page).expect("a page");
    prose(&text, false).any(|(_, line)| {
        let heading = line.trim_start_matches('#');
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let of_it: String = heading.trim().to_lowercase().chars().filter(kept).collect();
        heading.len() < line.len() && of_it.replace(' ', "-") == anchor
    })
}

#[test]
fn every_path_that_a_page_names_exists() {
    const TOPS: [&str; 8] =
        ["agent/", "agent-ebpf/", "dashboards/", "deploy/", "docs/", "fuzz/", "tests/", "xtask/"];
    let mut found = Vec::new();
    let mut named = 0;
    // A changelog names what there was.
    for page in pages().into_iter().filter(|page| page != "CHANGELOG.md") {
        for (number, line) in prose(&read(&page), true) {
            let words = line.split('`').skip(1).step_by(2).flat_map(str::split_whitespace);
            for word in words.filter(|word| TOPS.iter().any(|top| word.starts_with(top))) {
                named += 1;
                // Of a pattern, the folder.
                let exact = word.split('*').next().unwrap_or_default().trim_end_matches(',');
                if !path(exact).exists() {
                    found.push(format!("{page}:{number}: {word}"));
                }
            }
        }
    }
    assert!(named > 50, "{named}");
    assert_none("paths that do not exist", &found);
}
