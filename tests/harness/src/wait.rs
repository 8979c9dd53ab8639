//! Waiting for conditions, never for seconds.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};

const EVERY: Duration = Duration::from_millis(20);
const PLAYS: usize = 8;

/// Tries until `found` finds what it looks for; an error when that takes too long, or when `found` gives one.
pub fn until<T>(
    what: impl std::fmt::Display,
    within: Duration,
    mut found: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let until = Instant::now() + within;
    loop {
        if let Some(found) = found()? {
            return Ok(found);
        }
        ensure!(Instant::now() < until, "{what} did not come within {} s", within.as_secs_f32());
        thread::sleep(EVERY);
    }
}

/// Plays until a play went as scripted: on a busy machine a step may come too late, and then it proves nothing.
pub fn until_as_scripted<T>(mut play: impl FnMut() -> Option<T>) -> Result<T> {
    for _ in 0..PLAYS {
        if let Some(played) = play() {
            return Ok(played);
        }
    }
    bail!("of {PLAYS} plays none went as scripted: the machine is too busy")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_play_is_repeated_until_it_went_as_scripted_but_not_for_ever() {
        let mut played = 0;
        let second = until_as_scripted(|| {
            played += 1;
            (played == 2).then_some(played)
        });
        assert_eq!(second.unwrap(), 2);
        assert!(until_as_scripted(|| None::<()>).is_err());
    }

    #[test]
    fn it_tries_again_until_there_is_something_or_time_is_up() {
        let mut tries = 0;
        let found = until("a third try", Duration::from_mins(1), || {
            tries += 1;
            Ok((tries == 3).then_some(tries))
        });
        assert_eq!(found.unwrap(), 3);

        let never = until("nothing", Duration::ZERO, || Ok(None::<()>)).unwrap_err();
        assert!(never.to_string().starts_with("nothing did not come"), "{never}");
    }
}
