//! Servers that close right after a response: after so many requests, or after so much time?

use super::cluster::{ENOUGH, tolerance};

/// Of a connection's age, the most that may be put down to the wait for the request after which it was closed.
const MOST_SLACK: f32 = 0.1;
/// Seconds. Nobody limits an age to less: connections that are all closed sooner are closed for another reason.
const SHORTEST_AGE: f32 = 1.0;
/// Closes within so long (ns) of the first of them are of one moment: a reload, or a shutdown, ended them all.
const MOMENT_NS: u64 = 100_000_000;

/// Closes one after another that agree with each other.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    /// Those of one moment count once.
    closes: u32,
    /// CLOCK_MONOTONIC ns at which the newest moment began.
    moment_ns: u64,
    least_age: f32,
    most_age: f32,
    least_requests: u32,
    most_requests: u32,
}

/// Why a server closes right after a response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit {
    /// After this many requests, `closes` times in a row.
    Requests { requests: u32, closes: u32 },
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
    /// Takes in a close at `at_ns` after `requests` (answered), `age` seconds old; tells the limit that it shows together with
    /// those just before it.
    pub(super) fn add(&mut self, requests: u32, age: f32, at_ns: u64) -> Option<Limit> {
        let now = Run {
            closes: 1,
            moment_ns: at_ns,
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
        let Run { closes, least_age, most_age, least_requests, most_requests, .. } = self.same_age;
        // Equally many requests at the same age are equally well a limit of requests at a steady pace.
        let proved = closes >= ENOUGH && least_requests < most_requests && least_age >= SHORTEST_AGE;
        proved.then_some(Limit::Age { least: least_age, most: most_age, closes })
    }

    fn requests(&self) -> Option<Limit> {
        let Run { closes, least_age, most_age, least_requests: requests, .. } = self.same_requests;
        // A connection that is closed at a certain age has had equally many requests as long as its age varies by
        // less than the time from one to the next.
        let pace = most_age / requests.max(1) as f32;
        let proved = closes >= ENOUGH && requests >= 2 && most_age - least_age > pace;
        proved.then_some(Limit::Requests { requests, closes })
    }
}

impl Run {
    fn join(self, other: Self) -> Self {
        if self.closes == 0 {
            return other;
        }
        let apart = other.moment_ns.abs_diff(self.moment_ns);
        // A connection that is younger than the moment was not there to be ended by it.
        let is_new = apart > MOMENT_NS || f64::from(other.most_age) * 1e9 < apart as f64;
        Self {
            closes: if is_new { self.closes.saturating_add(other.closes) } else { self.closes },
            moment_ns: if is_new { other.moment_ns } else { self.moment_ns },
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
        every(1_000_000_000, closes)
    }

    fn every(ns: u64, closes: &[(u32, f32)]) -> Option<Limit> {
        let mut after = AfterResponse::default();
        (1..).zip(closes).fold(None, |_, (n, &(requests, age))| after.add(requests, age, n * ns))
    }

    #[test]
    fn closes_of_one_moment_are_one_piece_of_evidence() {
        let same_age = [(40, 3600.0), (37, 3604.0), (52, 3601.0), (44, 3602.0)];
        let same_requests = [(100, 12.0), (100, 31.0), (100, 8.0), (100, 9.0)];
        for closes in [same_age, same_requests] {
            assert_eq!(every(1_000_000, &closes), None, "a reload");
            assert!(every(200_000_000, &closes).is_some(), "a limit");
        }
        let one_after_another = [(2, 0.006), (2, 0.002), (2, 0.008)];
        assert!(every(10_000_000, &one_after_another).is_some());
    }

    #[test]
    fn equally_many_requests_at_different_ages_are_a_limit_of_requests() {
        let closes = [(100, 12.0), (100, 31.0), (100, 8.0)];
        assert_eq!(newest(&closes), Some(Limit::Requests { requests: 100, closes: 3 }));
        assert_eq!(newest(&closes[..2]), None);
        assert_eq!(newest(&[(100, 12.0), (99, 31.0), (100, 8.0), (100, 9.0)]), None, "not in a row");
    }

    #[test]
    fn a_fast_client_reaches_its_limit_at_nearly_the_same_age() {
        // A thousand requests in half a second: an age limit would not have stopped all three at the thousandth.
        let closes = [(1000, 0.501), (1000, 0.509), (1000, 0.503)];
        assert_eq!(newest(&closes), Some(Limit::Requests { requests: 1000, closes: 3 }));
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
    fn connections_that_last_for_milliseconds_have_not_reached_their_age() {
        assert_eq!(newest(&[(1, 0.003), (3, 0.003), (2, 0.003), (1, 0.003)]), None);
        assert!(newest(&[(1, 1.003), (3, 1.003), (2, 1.003), (1, 1.003)]).is_some());
    }

    #[test]
    fn closes_after_one_request_are_no_limit() {
        assert_eq!(newest(&[(1, 0.5), (1, 3.0), (1, 9.0)]), None);
    }
}
