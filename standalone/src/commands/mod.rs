//! Commands about the pair's settings, one file each.

mod inspect;
mod reference;

pub(crate) use inspect::{InspectFlags, Inspection, inspect_pair};
pub(crate) use reference::reference;
