//! The random part of a sequence: the next method, the time that passes before it, and dice for all else.
//!
//! A step never refers to the result of another step, so that any step can be left out. `cast.rs` converts its dice to
//! a call when the step runs.

use chrono::TimeDelta;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;

/// A step of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) method: Method,
    pub(crate) passes: Passes,
    pub(crate) dice: [u8; 24],
}

/// A kind of call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    Create,
    Post,
    Posts,
    List,
    Facts,
    Count,
    Update,
    Delete,
    Publish,
    Unpublish,
    PublishDue,
    IdOfSlug,
    Sizes,
    Tags,
    Earlier,
    PageTokenKey,
}

/// The time that passes before the call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Passes {
    So(TimeDelta),
    /// Until a request is forgotten, or this long after that time.
    UntilAnEnd(TimeDelta),
}

/// Relative frequency of each method.
const WEIGHTS: [(Method, usize); 16] = [
    (Method::Create, 12),
    (Method::Post, 8),
    (Method::Posts, 5),
    (Method::List, 4),
    (Method::Facts, 12),
    (Method::Count, 3),
    (Method::Update, 12),
    (Method::Delete, 8),
    (Method::Publish, 12),
    (Method::Unpublish, 6),
    (Method::PublishDue, 8),
    (Method::IdOfSlug, 5),
    (Method::Sizes, 3),
    (Method::Tags, 5),
    (Method::Earlier, 5),
    (Method::PageTokenKey, 1),
];

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let methods: Vec<Method> =
        WEIGHTS.iter().flat_map(|(method, weight)| std::iter::repeat_n(*method, *weight)).collect();
    let dice = any::<[u8; 24]>();
    (select(methods), any::<u8>(), any::<u16>(), dice).prop_map(|(method, die, size, dice)| {
        let passes = passes(die, size);
        Step { method, passes, dice }
    })
}

/// Returns a short time in most cases, so that calls find live requests, and sometimes a time in which all requests
/// expire.
fn passes(die: u8, size: u16) -> Passes {
    match die {
        0..60 => Passes::So(TimeDelta::zero()),
        60..120 => Passes::So(TimeDelta::microseconds(1)),
        120..180 => Passes::So(TimeDelta::microseconds(size.into())),
        180..200 => Passes::So(TimeDelta::milliseconds((size / 64).into())),
        200..235 => Passes::So(TimeDelta::seconds((size % 90).into())),
        235..240 => Passes::So(TimeDelta::hours((size % 12).into())),
        240.. => Passes::UntilAnEnd(TimeDelta::microseconds(i64::from(die % 3) - 1)),
    }
}
