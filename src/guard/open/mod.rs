//! Judgment of admitted calls while they are open: each message, and every 250 ms without one, as a new call is judged.
//!
//! Rules:
//!
//! - A request message passes to the handler only while the token is valid. Exceptions: messages that the handler reads in
//!   the poll that admitted the call, and the first message, each for at most 250 ms. Most unary calls have no other
//!   messages.
//! - Until the request has ended or the handler answers, the call is judged every 250 ms.
//! - Between the end of the request and the answer nothing is judged, so a running unary call is never cut.
//! - A response message passes only while the token is valid. From its headers on, the response is judged every 250 ms.
//!   Exception: a response of one frame, complete at once, after the request has ended. It belongs to a unary call, or
//!   looks the same.
//!
//! Without evidence, a judgment asks again and the message waits. After 2 s the judgment is a rejection. A rejection in
//! either direction ends the response with the rejection's status. The handler sees a broken request, and its response is
//! dropped.

mod answer;
mod messages;
mod watch;

pub(super) use watch::{Entrance, Watch};
