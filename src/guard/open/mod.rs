//! A call that has been let in, for as long as it is open: each message, and each quarter of a second without one, is
//! judged as a call that begins.
//!
//! What is judged, and when:
//!
//! - A message of the caller's passes to the handler only while the token is good. Those that the handler reads in the very
//!   poll in which the call was let in stand on that judgement, and so does the first one, for a quarter of a second at the
//!   most: for a unary call that is all of it, as a rule.
//! - While the caller's messages have not ended and the handler has not answered, the call is judged by the clock.
//! - Between the end of the caller's messages and the answer nothing is judged: a unary call that runs is never cut.
//! - A message of the answer passes only while the token is good, and from its headers on the answer is judged by the
//!   clock. The exception is an answer that comes whole, one frame and its end at once, after the caller's messages have
//!   ended: it is a unary call's, or cannot be told from one.
//!
//! A judgement without evidence asks again and again, and what is judged waits meanwhile. After two seconds it is a refusal.
//! The answer ends with the refusal's status, whichever direction was refused; the handler finds its stream of messages
//! broken, and its own dropped.

mod answer;
mod messages;
mod watch;

pub(super) use watch::{Entrance, Watch};
