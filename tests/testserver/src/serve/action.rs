//! What a path asks for.

use std::time::Duration;

/// What the server does about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Small,
    Bytes(usize),
    Chunked(usize),
    Delay(Duration),
    StallHead(Duration),
    StallBody(Duration),
    Hangup(Moment, Hangup),
    CloseAnnounced,
    Unread,
    Exit(i32),
    Abort,
    Shutdown,
    Say408,
    NotFound,
}

/// When the server hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Before,
    Mid,
    After,
}

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hangup {
    Close,
    Reset,
}

impl Action {
    /// The action of a request target.
    pub(super) fn of(target: &str) -> Self {
        let path = target.split('?').next().unwrap_or_default();
        let (name, argument) = match path.trim_start_matches('/').split_once('/') {
            Some((name, argument)) => (name, Some(argument)),
            None => (path.trim_start_matches('/'), None),
        };
        match argument {
            Some(argument) => Self::with_argument(name, argument).unwrap_or(Self::NotFound),
            None => Self::alone(name),
        }
    }

    fn alone(name: &str) -> Self {
        match name {
            "" => Self::Small,
            "close-before" => Self::Hangup(Moment::Before, Hangup::Close),
            "close-mid" => Self::Hangup(Moment::Mid, Hangup::Close),
            "close-after" => Self::Hangup(Moment::After, Hangup::Close),
            "close-announced" => Self::CloseAnnounced,
            "reset-before" => Self::Hangup(Moment::Before, Hangup::Reset),
            "reset-mid" => Self::Hangup(Moment::Mid, Hangup::Reset),
            "reset-after" => Self::Hangup(Moment::After, Hangup::Reset),
            "unread" => Self::Unread,
            "abort" => Self::Abort,
            "shutdown" => Self::Shutdown,
            "408" => Self::Say408,
            _ => Self::NotFound,
        }
    }

    fn with_argument(name: &str, argument: &str) -> Option<Self> {
        let ms = || argument.parse().ok().map(Duration::from_millis);
        match name {
            "bytes" => argument.parse().ok().map(Self::Bytes),
            "chunked" => argument.parse().ok().map(Self::Chunked),
            "delay" => ms().map(Self::Delay),
            "stall-head" => ms().map(Self::StallHead),
            "stall-body" => ms().map(Self::StallBody),
            "exit" => argument.parse().ok().map(Self::Exit),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_their_actions() {
        assert_eq!(Action::of("/"), Action::Small);
        assert_eq!(Action::of("/?again=1"), Action::Small);
        assert_eq!(Action::of("/bytes/12"), Action::Bytes(12));
        assert_eq!(Action::of("/delay/20?x"), Action::Delay(Duration::from_millis(20)));
        assert_eq!(Action::of("/reset-mid"), Action::Hangup(Moment::Mid, Hangup::Reset));
        assert_eq!(Action::of("/bytes/many"), Action::NotFound);
        assert_eq!(Action::of("/nothing"), Action::NotFound);
    }
}
