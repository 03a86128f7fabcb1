//! gzip on the wire. Requests are decompressed and answers compressed at the server's edge, so that both forms count in
//! the budgets of memory.

mod deflate;
mod headers;
mod inflate;

pub(super) use deflate::{MAX_COMPRESSIONS, compressed};
pub(super) use headers::{correct_list, is_accepted, take_encoding};
pub(super) use inflate::Inflated;
