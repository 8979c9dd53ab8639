//! Why a scenario could not be played.

use std::io;

use crate::truth::Family;

/// The reason that a scenario could not be played to its end, so that nothing is known to be true of it.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The scenario has no script for this IP version.
    #[error("{scenario} cannot be played over {family}")]
    Family {
        /// The scenario that was asked for.
        scenario: &'static str,
        /// The family it has no script for.
        family: Family,
    },
    /// Something that the machine must offer is not there.
    #[error("cannot {what}: {reason}. {remedy}")]
    Missing {
        /// What was tried.
        what: &'static str,
        /// What to do about it.
        remedy: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// A system call failed that the script relies on.
    #[error("cannot {step}: {reason}")]
    Io {
        /// The step of the script.
        step: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// The other end saw something else than the script says.
    #[error("the script was not kept: {step}: expected {expected}, saw {saw}")]
    Strayed {
        /// The step of the script.
        step: &'static str,
        /// What the script says.
        expected: String,
        /// What happened.
        saw: String,
    },
    /// The machine was too busy, in every attempt, to do two things close enough together.
    #[error(
        "{step} took {took_ms:.1} ms in the best of {attempts} attempts: the machine is too busy to say what is true"
    )]
    Late {
        /// The step of the script.
        step: &'static str,
        /// How long the best attempt took.
        took_ms: f64,
        /// How many attempts were made.
        attempts: u32,
    },
    /// One of the threads of the play ended before its script did.
    #[error("the {0} thread is gone")]
    ThreadGone(String),
}

/// Names the step of the script that a failed system call belongs to.
pub(crate) trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, PlayError>;
}

impl<T> Step<T> for io::Result<T> {
    fn step(self, step: &'static str) -> Result<T, PlayError> {
        self.map_err(|reason| PlayError::Io { step, reason })
    }
}

impl<T> Step<T> for rustix::io::Result<T> {
    fn step(self, step: &'static str) -> Result<T, PlayError> {
        self.map_err(|errno| PlayError::Io { step, reason: errno.into() })
    }
}
