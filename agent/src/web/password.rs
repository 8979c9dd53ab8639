//! Passwords by bcrypt: compared one at a time, on a thread of their own, and remembered once they were right.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use ring::{
    hmac::{self, HMAC_SHA256, Key},
    rand::SystemRandom,
};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::file::PasswordHash;

/// Comparisons at once: each takes a processor for as long as its cost says.
const AT_ONCE: usize = 1;
/// Requests that wait for theirs.
const WAITING: usize = 16;
/// Users and passwords that were right, so that a scrape does not pay again: the oldest is forgotten.
const REMEMBERED: usize = 64;

/// What stands before a request.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Right,
    Wrong,
    /// Too many wait.
    Busy,
}

/// Who may ask.
#[derive(Debug)]
pub(super) struct Users {
    hashes: BTreeMap<String, PasswordHash>,
    /// Compared with for users who do not exist, so that they take as long.
    stand_in: PasswordHash,
    key: Key,
    right: Mutex<VecDeque<hmac::Tag>>,
    gate: Arc<Gate>,
}

/// Outlives a change of the file: whoever waits still takes a place.
#[derive(Debug)]
pub(super) struct Gate {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Gate {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0) }
    }
}

/// A place among those who wait.
struct Place<'a>(&'a AtomicUsize);

impl Gate {
    fn place(&self) -> Option<Place<'_>> {
        let place = Place(&self.waiting);
        (self.waiting.fetch_add(1, Ordering::Relaxed) < WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Users {
    /// `None` without users, and without random numbers.
    pub(super) fn new(hashes: BTreeMap<String, PasswordHash>, gate: &Arc<Gate>) -> Option<Self> {
        let stand_in = hashes.values().max_by_key(|hash| hash.cost)?.clone();
        let key = Key::generate(HMAC_SHA256, &SystemRandom::new()).ok()?;
        Some(Self { hashes, stand_in, key, right: Mutex::default(), gate: Arc::clone(gate) })
    }

    pub(super) async fn check(self: &Arc<Self>, credentials: Credentials) -> Answer {
        let tag = self.tag(&credentials);
        if self.is_remembered(&tag) {
            return Answer::Right;
        }
        let Some(_place) = self.gate.place() else { return Answer::Busy };
        let Ok(turn) = Arc::clone(&self.gate.turns).acquire_owned().await else { return Answer::Busy };
        // Whoever waited may have waited for the same.
        if self.is_remembered(&tag) {
            return Answer::Right;
        }
        let users = Arc::clone(self);
        let compared = spawn_blocking(move || {
            let answer = users.compare(&credentials);
            // Held to the end of the work, also when whoever asked has gone.
            drop(turn);
            answer
        });
        match compared.await {
            Ok(true) => {
                self.remember(tag);
                Answer::Right
            }
            _ => Answer::Wrong,
        }
    }

    fn compare(&self, credentials: &Credentials) -> bool {
        let known = self.hashes.get(&credentials.user);
        let hash = known.unwrap_or(&self.stand_in);
        let is_right = bcrypt::verify(&credentials.password, hash.as_str()).unwrap_or(false);
        is_right && known.is_some()
    }

    fn tag(&self, credentials: &Credentials) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(credentials.user.len() as u64).to_le_bytes());
        context.update(credentials.user.as_bytes());
        context.update(&credentials.password);
        context.sign()
    }

    fn is_remembered(&self, tag: &hmac::Tag) -> bool {
        // Tags are made with a key that nobody knows: comparing them tells nothing of the password.
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        right.iter().any(|one| one.as_ref() == tag.as_ref())
    }

    fn remember(&self, tag: hmac::Tag) {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() == REMEMBERED {
            right.pop_front();
        }
        right.push_back(tag);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn users(cost: u32) -> Arc<Users> {
        let hash = bcrypt::hash("secret", cost).expect("a hash");
        let hashes = [("alice".to_owned(), hash.try_into().expect("a hash"))];
        Arc::new(Users::new(hashes.into(), &Arc::default()).expect("users"))
    }

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials { user: user.to_owned(), password: password.as_bytes().to_vec() }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(future)
    }

    #[test]
    fn only_a_user_with_the_own_password_is_let_in() {
        let users = users(4);
        block_on(async {
            for (user, password, answer) in [
                ("alice", "secret", Answer::Right),
                ("alice", "secret", Answer::Right),
                ("alice", "Secret", Answer::Wrong),
                ("alice", "", Answer::Wrong),
                ("bob", "secret", Answer::Wrong),
                ("", "secret", Answer::Wrong),
                ("alicesecret", "", Answer::Wrong),
            ] {
                assert_eq!(users.check(credentials(user, password)).await, answer, "{user}:{password}");
            }
        });
    }

    #[test]
    fn who_was_right_is_remembered_and_not_compared_again() {
        let users = users(10);
        block_on(async {
            let began = Instant::now();
            assert_eq!(users.check(credentials("alice", "secret")).await, Answer::Right);
            let first = began.elapsed();
            let began = Instant::now();
            for _ in 0..100 {
                assert_eq!(users.check(credentials("alice", "secret")).await, Answer::Right);
            }
            assert!(began.elapsed() < first, "100 took {:?}, the first {first:?}", began.elapsed());
        });
        for number in 0..2 * REMEMBERED {
            users.remember(users.tag(&credentials("alice", &number.to_string())));
        }
        assert_eq!(users.right.lock().expect("no panic").len(), REMEMBERED);
    }

    #[test]
    fn a_user_who_does_not_exist_takes_as_long_as_one_who_does() {
        let users = users(8);
        // The least of several: what else the machine does only adds.
        let least = |user: &str| {
            let tries = (0..5).map(|_| {
                let began = Instant::now();
                assert!(!users.compare(&credentials(user, "wrong")));
                began.elapsed()
            });
            tries.min().unwrap_or_default()
        };
        let (known, unknown) = (least("alice"), least("nobody"));
        assert!(known < 3 * unknown && unknown < 3 * known, "{known:?} {unknown:?}");
        assert!(unknown > Duration::from_millis(1), "{unknown:?}");
    }

    #[test]
    fn only_so_many_wait() {
        let users = users(10);
        block_on(async {
            let asks: Vec<_> = (0..3 * WAITING)
                .map(|number| {
                    let users = Arc::clone(&users);
                    tokio::spawn(
                        async move { users.check(credentials("mallory", &number.to_string())).await },
                    )
                })
                .collect();
            let mut busy = 0;
            for ask in asks {
                match ask.await.expect("an answer") {
                    Answer::Busy => busy += 1,
                    answer => assert_eq!(answer, Answer::Wrong),
                }
            }
            assert_eq!(busy, 2 * WAITING);
            // Every place is free again.
            assert_eq!(users.check(credentials("alice", "secret")).await, Answer::Right);
        });
    }
}
