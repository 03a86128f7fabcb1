//! Why a demo ends without success: each a sentence that says what to do.

/// Why the story was not told, or not to its good end.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// Nobody listens there.
    #[error(
        "nothing answers at {0}: start `gatepost` there first, or leave --auth-url and --blog-url away, and the demo \
         starts a pair of its own"
    )]
    Unreachable(String),
    /// Something listens there that is not the service.
    #[error("{url} is no {wanted}: let --auth-url name the auth service, and --blog-url the blog service")]
    Stranger {
        /// Where.
        url: String,
        /// What should be there.
        wanted: &'static str,
    },
    /// The people of the story cannot register.
    #[error(
        "registration is closed at {0}, and the people of the story register themselves: start that service with \
         AUTH_REGISTRATION=open, or leave --auth-url and --blog-url away, and the demo starts a pair of its own"
    )]
    Closed(String),
    /// A service went away in the middle.
    #[error("{0} does not answer any more: see why that service ended, then play the demo again")]
    Gone(String),
    /// Ctrl-C.
    #[error("stopped before the end of the story")]
    Stopped,
    /// At least one answer was not the story's.
    #[error("not every answer was as expected")]
    Unexpected,
    /// Something that the story has made is still there.
    #[error("what the story has made could not be deleted: {0}")]
    Left(String),
}
