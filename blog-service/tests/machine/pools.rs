//! Small pools of values for random calls: texts that databases treat differently, limits, and users. The pools are
//! small, so that different calls use the same rows.

use blog_service::domain::{AuthorId, OrderField, PostState};
use chrono::TimeDelta;

pub(crate) const TITLES: [&str; 12] = [
    "Post",
    "post",
    "O'Brien's",
    "\"quoted\" 100% under_score",
    "back\\slash",
    "\u{1f980}\u{200d}\u{1f4bb}",
    "\u{1d4d0}\u{1d4ed}\u{1d4ea}",
    "\u{e9}t\u{e9}",
    "e\u{301}te\u{301}",
    " padded ",
    "NULL $1 ?1 :name",
    "'; drop table posts; --",
];

pub(crate) const CONTENTS: [&str; 9] = [
    "First post.",
    "# *Title* <b>raw</b>\n\n|a|\n|-|\n|b|\n",
    "\n",
    "\t\r\n\u{1}\u{7f}\u{2028}",
    "'",
    "\\0 \\x00",
    "\u{fffd}\u{10ffff}",
    "\u{feff}bom",
    "NULL",
];

/// Excerpts; an empty one is made from the content.
pub(crate) const EXCERPTS: [&str; 4] = ["", "Short.", "O'Brien's \u{1f980}", "NULL"];

pub(crate) const TAGS: [&[&str]; 5] =
    [&[], &["rust"], &["rust", "\u{e9}t\u{e9}"], &["c++", "o'brien", "rust"], &["null"]];

pub(crate) const COVERS: [&str; 3] = ["", "https://example.com/a.png", "http://example.com/'?b=%20"];

pub(crate) const LANGUAGES: [&str; 3] = ["", "en", "pt-BR"];

/// Repetitions of a content, so that some are longer than a page of either engine.
pub(crate) const TIMES: [usize; 8] = [1, 1, 1, 1, 1, 2, 100, 3000];

pub(crate) const LIMITS: [u32; 6] = [0, 1, 2, 3, 50, u32::MAX];

pub(crate) const OWNERS: [AuthorId; 2] = [AuthorId::from_u128(0xada), AuthorId::from_u128(0xb0b)];

pub(crate) const STATES: [PostState; 3] = [PostState::Draft, PostState::Scheduled, PostState::Published];

pub(crate) const FIELDS: [OrderField; 4] =
    [OrderField::CreateTime, OrderField::PublishTime, OrderField::UpdateTime, OrderField::Title];

/// Slugs, some of which others get by a number.
pub(crate) const SLUGS: [&str; 8] = ["post", "post-2", "post-3", "post-2-2", "a", "a-2", "-", "a-4"];

/// Times until a publication, and steps of the scheduler's clock.
pub(crate) const DELAYS: [TimeDelta; 8] = [
    TimeDelta::microseconds(-1),
    TimeDelta::zero(),
    TimeDelta::microseconds(1),
    TimeDelta::milliseconds(300),
    TimeDelta::seconds(1),
    TimeDelta::seconds(40),
    TimeDelta::hours(2),
    TimeDelta::hours(-2),
];

/// Number of request ids.
pub(crate) const REQUESTS: u8 = 8;

pub(crate) const SAID: [&str; 2] = ["this", "that"];
