//! Waiting for conditions, never for seconds.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

const EVERY: Duration = Duration::from_millis(20);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tries_again_until_there_is_something_or_time_is_up() {
        let mut tries = 0;
        let found = until("a third try", Duration::from_secs(60), || {
            tries += 1;
            Ok((tries == 3).then_some(tries))
        });
        assert_eq!(found.unwrap(), 3);

        let never = until("nothing", Duration::ZERO, || Ok(None::<()>)).unwrap_err();
        assert!(never.to_string().starts_with("nothing did not come"), "{never}");
    }
}
