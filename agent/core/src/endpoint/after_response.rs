//! Servers that close right after a response: after so many requests, or after so much time?

use super::cluster::{ENOUGH, tolerance};

/// Of a connection's age, the most that may be put down to the wait for the request after which it was closed.
const MOST_SLACK: f32 = 0.1;

/// Closes one after another that agree with each other.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    closes: u32,
    least_age: f32,
    most_age: f32,
    least_requests: u32,
    most_requests: u32,
}

/// Why a server closes right after a response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit {
    /// After this many requests, `closes` times in a row.
    RequestDelta { requests: u32, closes: u32 },
    /// At this age in seconds, `closes` times in a row.
    Age { least: f32, most: f32, closes: u32 },
}

/// The newest run of closes after equally many requests, and the newest at the same age.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AfterResponse {
    same_requests: Run,
    same_age: Run,
}

impl AfterResponse {
    /// Takes in a close after `requests` (answered), `age` seconds old; tells the limit that it shows together with
    /// those just before it.
    pub(super) fn add(&mut self, requests: u32, age: f32) -> Option<Limit> {
        let now = Run {
            closes: 1,
            least_age: age,
            most_age: age,
            least_requests: requests,
            most_requests: requests,
        };
        let joined = self.same_requests.join(now);
        self.same_requests = if joined.least_requests == joined.most_requests { joined } else { now };
        let joined = self.same_age.join(now);
        self.same_age = if joined.is_one_age() { joined } else { now };
        self.requests().or(self.age())
    }

    /// The age at which the server closes, as of the newest closes.
    pub(super) fn age(&self) -> Option<Limit> {
        let Run { closes, least_age, most_age, least_requests, most_requests } = self.same_age;
        // Equally many requests at the same age are equally well a limit of requests at a steady pace.
        let proved = closes >= ENOUGH && least_requests < most_requests;
        proved.then_some(Limit::Age { least: least_age, most: most_age, closes })
    }

    fn requests(&self) -> Option<Limit> {
        let Run { closes, least_age, most_age, least_requests: requests, .. } = self.same_requests;
        // A connection that is closed at a certain age has had equally many requests as long as its age varies by
        // less than the time from one to the next.
        let pace = most_age / requests.max(1) as f32;
        let proved = closes >= ENOUGH && requests >= 2 && most_age - least_age > pace;
        proved.then_some(Limit::RequestDelta { requests, closes })
    }
}

impl Run {
    fn join(self, other: Self) -> Self {
        if self.closes == 0 {
            return other;
        }
        Self {
            closes: self.closes.saturating_add(other.closes),
            least_age: self.least_age.min(other.least_age),
            most_age: self.most_age.max(other.most_age),
            least_requests: self.least_requests.min(other.least_requests),
            most_requests: self.most_requests.max(other.most_requests),
        }
    }

    /// The timer is looked at when a response ends: up to one wait for a request late.
    fn is_one_age(self) -> bool {
        let pace = self.most_age / self.least_requests.max(1) as f32;
        let slack = pace.min(self.most_age * MOST_SLACK);
        self.most_age - self.least_age <= tolerance(self.least_age).max(slack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(closes: &[(u32, f32)]) -> Option<Limit> {
        let mut after = AfterResponse::default();
        closes.iter().fold(None, |_, &(requests, age)| after.add(requests, age))
    }

    #[test]
    fn equally_many_requests_at_different_ages_are_a_limit_of_requests() {
        let closes = [(100, 12.0), (100, 31.0), (100, 8.0)];
        assert_eq!(newest(&closes), Some(Limit::RequestDelta { requests: 100, closes: 3 }));
        assert_eq!(newest(&closes[..2]), None);
        assert_eq!(newest(&[(100, 12.0), (99, 31.0), (100, 8.0), (100, 9.0)]), None, "not in a row");
    }

    #[test]
    fn a_fast_client_reaches_its_limit_at_nearly_the_same_age() {
        // A thousand requests in half a second: an age limit would not have stopped all three at the thousandth.
        let closes = [(1000, 0.501), (1000, 0.509), (1000, 0.503)];
        assert_eq!(newest(&closes), Some(Limit::RequestDelta { requests: 1000, closes: 3 }));
    }

    #[test]
    fn the_same_age_with_more_or_fewer_requests_is_a_limit_of_age() {
        let closes = [(40, 3600.0), (37, 3604.0), (52, 3601.0)];
        assert_eq!(newest(&closes), Some(Limit::Age { least: 3600.0, most: 3604.0, closes: 3 }));
        assert_eq!(newest(&[(40, 3600.0), (37, 3300.0), (52, 3000.0)]), None);
    }

    #[test]
    fn a_wait_for_the_last_request_is_allowed_for() {
        let closes = [(20, 60.4), (18, 62.9), (22, 60.0)];
        assert_eq!(newest(&closes), Some(Limit::Age { least: 60.0, most: 62.9, closes: 3 }));
        assert_eq!(newest(&[(2, 60.0), (3, 85.0), (2, 70.0)]), None, "but not half of the age");
    }

    #[test]
    fn a_steady_pace_cannot_tell_requests_from_age() {
        assert_eq!(newest(&[(60, 60.01), (60, 60.02), (60, 60.0), (60, 60.03)]), None);
    }

    #[test]
    fn closes_after_one_request_are_no_limit() {
        assert_eq!(newest(&[(1, 0.5), (1, 3.0), (1, 9.0)]), None);
    }
}
