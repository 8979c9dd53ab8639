//! A case as a page of Markdown, for somebody who had it.

use std::{
    fmt::{self, Display, Formatter},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result};

use super::{Answer, Outcome, Played, picture, summary::Summary};

/// What came of a case, to be printed or kept.
#[derive(Debug)]
pub struct Page<'a>(pub &'a Outcome);

impl Display for Page<'_> {
    fn fmt(&self, out: &mut Formatter) -> fmt::Result {
        let Outcome { case, played, absent, .. } = self.0;
        writeln!(out, "# {}: {}\n\n## What happened\n\n{}", case.name, case.title, case.happened)?;
        let observed: Vec<_> = played.iter().map(|played| (played.stage, &played.observed)).collect();
        writeln!(out, "\n## What the report said, in one table\n\n{}", Summary(&observed))?;
        for (number, played) in played.iter().enumerate() {
            stage(out, number + 1, played)?;
            let of_stage = self.0.drawings().filter(|(_, one)| one.stage.name == played.stage.name);
            for (drawn, _) in of_stage.filter(|(drawn, played)| picture::is_there(drawn, &played.observed)) {
                let (title, file) = (&drawn.title, picture::file(&case.name, drawn));
                writeln!(out, "\n![{title}]({file})")?;
            }
        }
        for (name, why) in absent {
            writeln!(out, "\n`{name}` was not played: {why}.")?;
        }
        answer(out, &case.answer, played)?;
        self.how(out)
    }
}

impl Page<'_> {
    /// Writes it to a directory.
    ///
    /// # Errors
    /// When that cannot be written to.
    pub fn keep(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        let write = |name: String, content: &str| {
            let path = directory.join(name);
            fs::write(&path, content).with_context(|| format!("write {}", path.display()))
        };
        for (drawn, played) in self.0.drawings() {
            if let Some(drawing) = picture::draw(drawn, &played.observed) {
                write(picture::file(&self.0.case.name, drawn), &drawing)?;
            }
        }
        write(format!("{}.md", self.0.case.name), &self.to_string())
    }

    /// The command that made it, and with what.
    fn how(&self, out: &mut Formatter) -> fmt::Result {
        let Outcome { case, played, real_time, .. } = self.0;
        let times = match (*real_time, case.scale == 1) {
            (_, true) => "The timeouts are the true ones.".to_owned(),
            (true, _) => "The timeouts are the true ones (`--real-time`).".to_owned(),
            (false, _) => {
                format!(
                    "The timeouts are real ones of the real software, set {} times shorter; \
                     `--real-time` plays the true ones.",
                    case.scale
                )
            }
        };
        let mut versions: Vec<_> = played.iter().flat_map(|one| &one.versions).collect();
        versions.sort();
        versions.dedup();
        let versions: Vec<_> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let flag = if *real_time { " --real-time" } else { "" };
        writeln!(
            out,
            "\n## How this page was made\n\n```console\n# cargo xtask lab {}{flag} --out docs/cases\n```\n\n{times}\n\n\
             With {}. The agent was told nothing about any of them.",
            case.name,
            versions.join(", ")
        )
    }
}

fn stage(out: &mut Formatter, number: usize, played: &Played) -> fmt::Result {
    let Played { stage, observed: seen, checks, .. } = played;
    writeln!(out, "\n## {number}. {}\n\n{}", capitalised(&stage.name), stage.changed)?;
    writeln!(out, "\n**What the software said**\n")?;
    for (who, text) in seen.claims.lines() {
        writeln!(out, "- {who}: {text}")?;
    }
    writeln!(out, "\n**What a capture shows**\n")?;
    for (server, words) in seen.captured.words() {
        let counted: Vec<_> = words.iter().map(|(word, count)| format!("{count} × {word}")).collect();
        writeln!(out, "- connections to port {}: {}", server.port(), counted.join(", "))?;
    }
    for (why, count) in &seen.captured.undecided {
        writeln!(out, "- {count} not decided: {why}")?;
    }
    writeln!(out, "\n**What `whohungup report` said**\n")?;
    for line in endpoints(&seen.markdown).lines() {
        writeln!(out, "{}", format!("> {line}").trim_end())?;
    }
    writeln!(out, "\n**What was checked**\n")?;
    for check in checks {
        let mark = if check.holds { "holds" } else { "**does not hold**" };
        writeln!(out, "- {mark}: {} ({})", check.what, check.found)?;
    }
    Ok(())
}

/// Without when, where and for how long was observed, which is another each time.
fn endpoints(markdown: &str) -> String {
    let lines = markdown.lines().skip_while(|line| !line.starts_with("**"));
    let (mut kept, mut is_head) = (String::new(), true);
    for line in lines {
        is_head &= !line.starts_with('#');
        if is_head && line.starts_with("- ") {
            continue;
        }
        let line = if line.starts_with('#') { format!("#{line}") } else { line.to_owned() };
        // One empty line at a time.
        if !(line.is_empty() && kept.ends_with("\n\n")) {
            kept.push_str(&line);
            kept.push('\n');
        }
    }
    kept.trim_end().to_owned()
}

fn answer(out: &mut Formatter, answer: &Answer, played: &[Played]) -> fmt::Result {
    let Some(stage) = played.iter().find(|one| one.stage.name == answer.stage) else { return Ok(()) };
    let Some(endpoint) = stage.observed.endpoint(answer.role, answer.port) else { return Ok(()) };
    writeln!(out, "\n## The answer\n\n{}\n", answer.lead)?;
    for advice in &endpoint.advice {
        let label = if advice.alternative { "Or" } else { "Do" };
        writeln!(out, "> **{label}:** {}\n>", advice.text)?;
    }
    Ok(())
}

fn capitalised(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
