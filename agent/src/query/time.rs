//! Times as people write them, in the host's time zone.

use anyhow::{Context as _, bail};
use jiff::{
    Timestamp, Zoned,
    civil::{DateTime, Time},
};

/// Reads `text`: a time of today, `today` or `yesterday` with or without a time, a date with or without a time, RFC 3339,
/// `now`, or how long ago.
pub(super) fn parse(text: &str, now: &Zoned) -> anyhow::Result<Timestamp> {
    let text = text.trim();
    if text == "now" {
        return Ok(now.timestamp());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(ago) = humantime::parse_duration(text.trim_start_matches('-').trim_end_matches("ago").trim()) {
        let ago = jiff::SignedDuration::try_from(ago).context("how long ago")?;
        return Ok(now.timestamp().checked_sub(ago)?);
    }
    anyhow::ensure!(!text.is_empty(), "`` is no time; known are {KNOWN}");
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let (day, time) = match day {
        "today" => (now.date(), time),
        "yesterday" => (now.date().yesterday()?, time),
        date if date.contains('-') => {
            (date.parse().with_context(|| format!("`{text}`: {date} is no date"))?, time)
        }
        // A time alone is of today.
        _ if time.is_empty() => (now.date(), day),
        _ => bail!("`{text}` is no time; known are {KNOWN}"),
    };
    let time: Time = match time.trim() {
        "" => Time::midnight(),
        // `05:20` is a civil time in jiff's eyes once it says that it is one.
        time => DateTime::strptime("%Y-%m-%d %H:%M:%S", format!("{day} {}", with_seconds(time)))
            .with_context(|| format!("`{text}` is no time; known are {KNOWN}"))?
            .time(),
    };
    let time = day.to_datetime(time).to_zoned(now.time_zone().clone())?;
    Ok(time.timestamp())
}

const KNOWN: &str = "05:20, yesterday, yesterday 05:20, 2026-11-28 05:20, 2026-11-28T05:20:00Z, 2h and now";

fn with_seconds(time: &str) -> String {
    if time.matches(':').count() == 1 { format!("{time}:00") } else { time.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 21:52:03 in Central Europe.
    fn now() -> Zoned {
        let zone = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a time zone");
        "2026-11-29T20:52:03Z".parse::<Timestamp>().expect("a time").to_zoned(zone)
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = now();
        for (text, expected) in [
            ("now", "2026-11-29T20:52:03Z"),
            ("05:20", "2026-11-29T04:20:00Z"),
            ("05:20:30", "2026-11-29T04:20:30Z"),
            ("today", "2026-11-28T23:00:00Z"),
            ("yesterday", "2026-11-27T23:00:00Z"),
            ("yesterday 05:20", "2026-11-28T04:20:00Z"),
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("2026-07-01 05:20", "2026-07-01T03:20:00Z"),
            ("2026-07-01T05:20:07", "2026-07-01T03:20:07Z"),
            ("2026-07-01T05:20:07Z", "2026-07-01T05:20:07Z"),
            ("2h", "2026-11-29T18:52:03Z"),
            ("-90m", "2026-11-29T19:22:03Z"),
            ("1day 2h ago", "2026-11-28T18:52:03Z"),
        ] {
            assert_eq!(parse(text, &now).expect(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_named_with_the_forms_that_are() {
        let now = now();
        for text in ["", "25:00", "soon", "tomorrow 05:20", "2026-13-01", "05:20 yesterday", "\u{1b}[2J"] {
            let error = format!("{:#}", parse(text, &now).expect_err(text));
            assert!(error.contains("no time") || error.contains("no date"), "{text}: {error}");
        }
    }
}
