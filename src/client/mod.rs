//! The client side: a session that attaches a token to each call and renews it in time.

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
