//! Checks of open calls, by the rules for a new call: at each message, and every 250 ms without a message.
//!
//! Rules:
//!
//! - A request message passes to the handler only while the token is valid. Exceptions: messages that the handler reads
//!   in the poll that admitted the call, and the first message, each for at most 250 ms. Most unary calls have no other
//!   messages.
//! - Until the request has ended or the handler answers, the call is checked every 250 ms.
//! - Between the end of the request and the answer nothing is checked, so a running unary call is never cut.
//! - A response message passes only while the token is valid. From its headers on, the response is checked every 250
//!   ms. Exception: a response of one frame, complete at once, after the end of the request. Such a call is unary, or
//!   looks the same.
//!
//! Without evidence, a check asks again and the message waits. After 2 s the check ends with a rejection. A rejection
//! in either direction ends the response with the rejection's status. The handler sees a broken request, and its
//! response is dropped.

mod open_call;
mod request;
mod response;

pub(super) use open_call::{Admission, OpenCall};
