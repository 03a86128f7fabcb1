//! gzip on the wire. Requests are decompressed and answers are compressed at the server's edge. So the compressed and
//! the plain form both count against the memory budgets.

mod deflate;
mod headers;
mod inflate;

pub(super) use deflate::{MAX_COMPRESSIONS, compressed};
pub(super) use headers::{correct_list, is_accepted, take_encoding};
pub(super) use inflate::Inflated;
