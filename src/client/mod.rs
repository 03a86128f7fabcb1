//! The client's side of a session: a token for each call, renewed in time.

mod clock;
mod no_token;
mod reaction;
mod session;
mod source;
mod with_source;
mod with_token;

pub use no_token::NoToken;
pub use reaction::Reaction;
pub use source::TokenSource;
pub use with_source::WithSource;
pub use with_token::WithToken;
