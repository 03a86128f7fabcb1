//! Commands about the pair and single services, one file each.

mod inspect;
mod reference;
mod single;

pub(crate) use inspect::{InspectFlags, Inspection, inspect_pair};
pub(crate) use reference::reference;
pub(crate) use single::{run_auth, run_blog};
