//! Strings that others chose (process names, `Server` fields, a daemon's answer), made fit for terminals and tickets.

/// At most `most` characters, none of which moves the cursor, turns the writing direction or cannot be seen.
pub fn clean(text: &str, most: usize) -> String {
    let mut shown: String =
        text.chars().take(most).map(|c| if is_safe(c) { c } else { '\u{fffd}' }).collect();
    if text.chars().nth(most).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// A name to stand in a sentence between back-ticks.
pub fn quoted(name: &str) -> String {
    format!("`{}`", clean(name, 64).replace('`', "'"))
}

pub fn is_safe(c: char) -> bool {
    let unseen = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !unseen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_hides_is_shown_as_such() {
        assert_eq!(clean("a\u{1b}[31m\n\u{9b}\u{202e}b", 20), "a\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}b");
        assert_eq!(clean("kein Ümlaut", 20), "kein Ümlaut");
    }

    #[test]
    fn long_strings_are_cut_and_show_it() {
        assert_eq!(clean("0123456789", 10), "0123456789");
        assert_eq!(clean("0123456789a", 10), "012345678…");
        assert_eq!(quoted("a`b"), "`a'b`");
    }
}
