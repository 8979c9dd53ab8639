//! Shapes and text into an SVG document that needs nothing besides itself.

use std::fmt::Write as _;

/// Pixels.
pub(super) const WIDTH: i32 = 1000;
const TITLE_CHARS: usize = 110;

const STYLE: &str = include_str!("style.css");

/// Where a text's `x` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// What was drawn.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    body: String,
}

impl Sheet {
    pub(super) fn text(&mut self, x: i32, y: i32, anchor: Anchor, class: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" class=\"{class}\">{text}</text>"
        ));
    }

    pub(super) fn line(&mut self, from: (i32, i32), to: (i32, i32), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(format_args!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" class=\"{class}\"/>"));
    }

    /// A line with a head at its end.
    pub(super) fn arrow(&mut self, from: (i32, i32), to: (i32, i32), class: &str) {
        self.line(from, to, class);
        let ((x1, _), (x, y)) = (from, to);
        let back = if x1 < x { x - 9 } else { x + 9 };
        self.put(format_args!(
            "<polygon points=\"{x},{y} {back},{} {back},{}\" class=\"{class}\"/>",
            y - 5,
            y + 4
        ));
    }

    pub(super) fn bar(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), class: &str, title: &str) {
        let title = escape(title);
        self.put(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" class=\"{class}\"><title>{title}</title></rect>"
        ));
    }

    pub(super) fn dot(&mut self, (x, y): (i32, i32), class: &str) {
        self.put(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"6\" class=\"{class}\"/>"));
    }

    fn put(&mut self, shape: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _written = writeln!(self.body, "{shape}");
    }

    /// The whole document, so high.
    pub(super) fn finish(self, title: &str, height: i32) -> String {
        let title = escape(&short(title, TITLE_CHARS));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n<rect width=\"{WIDTH}\" \
             height=\"{height}\" class=\"paper\"/>\n<text x=\"20\" y=\"32\" class=\"title\">{title}</text>\n{}</svg>\n",
            self.body
        )
    }
}

/// What came from the wire may hold anything; XML has no place for most control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{b7}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// So many characters of it, and a sign when there are more.
pub(super) fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_wire_becomes_markup() {
        assert_eq!(escape("<a b='c'>&\"\u{0}\r\n\u{ffff}"), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;···\u{fffd}");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(short("äöü", 3), "äöü");
        assert_eq!(short("äöüß", 3), "äö…");
    }
}
