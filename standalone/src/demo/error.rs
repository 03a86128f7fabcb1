//! Errors of the demo, each a sentence that says what to do.

/// An error of the demo.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// No server listens at this URL.
    #[error(
        "nothing answers at {0}: start `gatepost` there first, or omit --auth-url and --blog-url: the demo then starts \
         its own pair"
    )]
    Unreachable(String),
    /// TLS has failed.
    #[error("{0} cannot be called over TLS ({1}): see --ca, --client-cert, --client-key and --server-name")]
    Tls(String, String),
    /// Another server listens at this URL.
    #[error("{url} is not the {wanted}: set --auth-url to the auth service and --blog-url to the blog service")]
    Stranger {
        /// URL of the server.
        url: String,
        /// Name of the expected service.
        wanted: &'static str,
    },
    /// The auth service refuses registrations.
    #[error(
        "registration is closed at {0}, and the demo registers users: start that service with \
         AUTH_REGISTRATION=open, or omit --auth-url and --blog-url: the demo then starts its own pair"
    )]
    Closed(String),
    /// A service stopped answering during the demo.
    #[error("{0} stopped answering: check that service, then run the demo again")]
    Gone(String),
    /// Ctrl-C stopped the demo.
    #[error("stopped before the end of the story")]
    Stopped,
    /// At least one answer was unexpected.
    #[error("not every answer was as expected")]
    Unexpected,
    /// Data of the demo could not be deleted.
    #[error("data of the demo could not be deleted: {0}")]
    Left(String),
}
