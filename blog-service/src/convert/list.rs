//! Conversion of the filter and the order of a list.

use kit::failure::Violation;

use super::{Fields, TIME_RULE, read_time};
use crate::api::v1;
use crate::app::list::PostSelection;
use crate::domain::{
    AuthorId, OrderField, PostCaller, PostFilter, PostOrder, PostState, PublishedRange, Tag, TagMatch,
};
use crate::error::BlogError;

/// Largest number of states of a filter, duplicates included.
const MAX_STATES: usize = 16;

/// Word for the id of the calling user.
const ME: &str = "me";

const OWNER_RULE: &str = "must be a user's id, a UUID, or `me`";

const STATE_RULE: &str = "must be POST_STATE_DRAFT, POST_STATE_SCHEDULED or POST_STATE_PUBLISHED";

const DRAFT_ORDER_RULE: &str =
    "must be create_time, update_time or title for a filter with POST_STATE_DRAFT: a draft has no publish_time";

/// Reads the filter and the order of a list.
pub(crate) fn selection(
    caller: PostCaller,
    filter: Option<v1::PostFilter>,
    order_by: &str,
) -> Result<PostSelection, BlogError> {
    let filter = filter.unwrap_or_default();
    let mut fields = Fields::default();
    let owner = owner(caller, &filter.owner_id);
    let owner = owner.map_err(|rule| fields.0.push(Violation::new("filter.owner_id", rule))).ok();
    let tags = fields.tags("filter.tags", &filter.tags);
    let tag_match = match v1::TagMatch::try_from(filter.tag_match) {
        Ok(v1::TagMatch::Unspecified | v1::TagMatch::All) => Some(TagMatch::All),
        Ok(v1::TagMatch::Any) => Some(TagMatch::Any),
        Err(_) => fields.read("filter.tag_match", "must be TAG_MATCH_ALL or TAG_MATCH_ANY", Err(())),
    };
    let states = states(&mut fields, &filter.states);
    let after = filter.published_after.map(|time| read_time(time).ok_or(())).transpose();
    let after = fields.read("filter.published_after", TIME_RULE, after);
    let before = filter.published_before.map(|time| read_time(time).ok_or(())).transpose();
    let before = fields.read("filter.published_before", TIME_RULE, before);
    let order = fields.read("order_by", PostOrder::RULE, PostOrder::parse(order_by));
    let has_drafts = states.as_ref().is_some_and(|states| states.contains(&PostState::Draft));
    if has_drafts && order.is_some_and(|order| order.field == OrderField::PublishTime) {
        fields.0.push(Violation::new("order_by", DRAFT_ORDER_RULE));
    }
    let selection = || {
        let tags = tags?.iter().map(|tag| Tag::from_stored(tag.to_owned())).collect();
        let published = PublishedRange { after: after?, before: before? };
        let filter = PostFilter { owner: owner?, tags, tag_match: tag_match?, states: states?, published };
        Some(PostSelection { filter, order: order? })
    };
    selection().filter(|_| fields.0.is_empty()).ok_or(BlogError::InvalidFields(fields.0))
}

/// Reads the id of an owner; an empty text names none. Fails with the rule that the text breaks.
fn owner(caller: PostCaller, text: &str) -> Result<Option<AuthorId>, &'static str> {
    const NO_USER: &str = "must be a user's id: `me` means the calling user, and this caller is none";
    match text {
        "" => Ok(None),
        ME => caller.user.map(Some).ok_or(NO_USER),
        id => id.parse().map(Some).map_err(|_| OWNER_RULE),
    }
}

/// Reads states, each of them once. No state means published posts.
fn states(fields: &mut Fields, wanted: &[i32]) -> Option<Vec<PostState>> {
    if wanted.len() > MAX_STATES {
        return fields.read("filter.states", "must be at most 16 states", Err(()));
    }
    let mut states = Vec::with_capacity(wanted.len());
    for (index, state) in wanted.iter().enumerate() {
        let state = match v1::PostState::try_from(*state) {
            Ok(v1::PostState::Draft) => PostState::Draft,
            Ok(v1::PostState::Scheduled) => PostState::Scheduled,
            Ok(v1::PostState::Published) => PostState::Published,
            Ok(v1::PostState::Unspecified) | Err(_) => {
                fields.0.push(Violation::new(format!("filter.states[{index}]"), STATE_RULE));
                continue;
            }
        };
        if !states.contains(&state) {
            states.push(state);
        }
    }
    if wanted.is_empty() {
        states.push(PostState::Published);
    }
    Some(states)
}
