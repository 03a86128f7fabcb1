//! Posts of several indexes, merged in the order of a list.
//!
//! Each state of the filter has its own indexes. If the filter names more than one index can find, the posts along one
//! index are compared with the filter, or few posts are read and sorted.

use std::cmp::Ordering;

use kit::failure::Violation;

use super::BlogState;
use crate::domain::{
    Direction, ListedState, OrderField, PostCaller, PostFacts, PostFilter, PostOrder, PostPosition, PostRights,
    PostState, TagMatch,
};
use crate::error::BlogError;
use crate::store::PostSource;

/// Largest number of posts that are read and sorted for a page.
const MAX_SORTED_POSTS: u32 = 2_000;

/// Number of posts after which a page ends, although it has fewer posts than requested.
const MAX_COMPARED_POSTS: usize = 5_000;

/// Largest number of posts that one statement reads.
const MAX_POSTS_PER_READ: u32 = 1_000;

const MANY_RULE: &str = "must be create_time: you have more than 2000 drafts or scheduled posts, too many to sort";

/// Filter and order of a list.
pub(crate) struct PostSelection {
    pub(crate) filter: PostFilter,
    pub(crate) order: PostOrder,
}

/// Part of a list, in the order of the list.
enum Part {
    /// Posts along an index.
    Walked(PostSource),
    /// Posts that were read and sorted.
    Sorted(Vec<PostFacts>),
}

/// A list that a caller reads.
pub(super) struct MergedList<'l> {
    state: &'l BlogState,
    caller: PostCaller,
    selection: &'l PostSelection,
    parts: Vec<Part>,
}

/// Posts of a page.
pub(super) struct FoundFacts {
    pub(super) posts: Vec<PostFacts>,
    /// Place at which the page ends; `None` at the end of the list.
    pub(super) looked_at: Option<PostPosition>,
}

impl<'l> MergedList<'l> {
    /// Chooses the indexes of the list.
    pub(super) async fn open(
        state: &'l BlogState,
        caller: PostCaller,
        selection: &'l PostSelection,
    ) -> Result<Self, BlogError> {
        let mut list = Self { state, caller, selection, parts: Vec::new() };
        for listed in selection.filter.listed_states(caller) {
            let parts = list.parts_of(listed).await?;
            list.parts.extend(parts);
        }
        Ok(list)
    }

    /// Returns true if the caller may see the post, and the post matches the filter.
    pub(super) fn has(&self, post: &PostFacts) -> bool {
        self.caller.may_see(post.owner_id, post.state) && self.selection.filter.matches(post)
    }

    /// Returns the place of a post.
    pub(super) fn position(&self, post: &PostFacts) -> PostPosition {
        self.selection.order.position(post)
    }

    /// Returns at most `limit` posts behind the place `after`.
    pub(super) async fn after(&self, mut after: Option<PostPosition>, limit: u32) -> Result<FoundFacts, BlogError> {
        let (mut found, mut compared, mut count) = (Vec::new(), 0, limit.min(MAX_POSTS_PER_READ));
        loop {
            let (posts, has_more) = self.merged(after.as_ref(), count).await?;
            compared += posts.len();
            after = posts.last().map(|last| self.position(last)).or(after);
            for post in posts {
                if self.has(&post) {
                    found.push(post);
                }
                if found.len() == limit as usize {
                    let looked_at = found.last().map(|last| self.position(last));
                    return Ok(FoundFacts { posts: found, looked_at });
                }
            }
            if !has_more {
                return Ok(FoundFacts { posts: found, looked_at: None });
            }
            if compared >= MAX_COMPARED_POSTS {
                return Ok(FoundFacts { posts: found, looked_at: after });
            }
            count = (count * 4).min(MAX_POSTS_PER_READ);
        }
    }

    /// Returns the next posts of all parts in the order of the list, and true if the list may continue.
    async fn merged(&self, after: Option<&PostPosition>, count: u32) -> Result<(Vec<PostFacts>, bool), BlogError> {
        let order = self.selection.order;
        let mut merged: Vec<PostFacts> = Vec::new();
        // Up to this place no part has further posts.
        let mut end: Option<PostPosition> = None;
        for part in &self.parts {
            let posts = match part {
                Part::Walked(source) => self.state.store.list_facts(source, order.direction, after, count).await?,
                Part::Sorted(posts) => {
                    let is_before = |post: &PostFacts| after.is_some_and(|after| self.compare(post, after).is_le());
                    let start = posts.partition_point(is_before);
                    posts[start..].iter().take(count as usize).cloned().collect()
                }
            };
            if posts.len() == count as usize
                && let Some(last) = posts.last().map(|last| self.position(last))
                && end.as_ref().is_none_or(|end| order.compare(&last, end).is_lt())
            {
                end = Some(last);
            }
            merged.extend(posts);
        }
        sort(order, &mut merged);
        if let Some(end) = &end {
            merged.truncate(merged.partition_point(|post| self.compare(post, end).is_le()));
        }
        Ok((merged, end.is_some()))
    }

    fn compare(&self, post: &PostFacts, place: &PostPosition) -> Ordering {
        self.selection.order.compare(&self.position(post), place)
    }

    /// Returns the parts for the posts in one state.
    async fn parts_of(&self, listed: ListedState) -> Result<Vec<Part>, BlogError> {
        let PostSelection { filter, order } = self.selection;
        let sets = sets(filter, listed);
        let in_order = |set: &[PostSource]| set.iter().all(|source| source.field() == order.field);
        let walk = |set: &[PostSource]| set.iter().cloned().map(Part::Walked).collect();
        // Only published posts are found by their tags.
        let has_other_tags = listed.state != PostState::Published && !filter.tags.is_empty();
        if let [set] = &sets[..]
            && in_order(set)
            && !has_other_tags
        {
            return Ok(walk(set));
        }
        for set in &sets {
            if self.count(set).await? <= MAX_SORTED_POSTS {
                return Ok(vec![Part::Sorted(self.sorted(set).await?)]);
            }
        }
        if let Some(set) = sets.iter().find(|set| in_order(set)) {
            return Ok(walk(set));
        }
        if listed.state != PostState::Published && self.caller.rights < PostRights::Viewer {
            // Page tokens would reveal the titles of other users' drafts.
            return Err(BlogError::InvalidFields(vec![Violation::new("order_by", MANY_RULE)]));
        }
        let (state, field, published) = (listed.state, order.field, filter.published);
        Ok(walk(&[PostSource::State { state, field, published }]))
    }

    /// Returns the number of posts of these sources, or a number above [`MAX_SORTED_POSTS`].
    async fn count(&self, set: &[PostSource]) -> Result<u32, BlogError> {
        let mut count = 0;
        for source in set {
            count += self.state.store.count_up_to(source, MAX_SORTED_POSTS + 1 - count).await?;
            if count > MAX_SORTED_POSTS {
                break;
            }
        }
        Ok(count)
    }

    /// Returns the listed posts of these sources, in the order of the list.
    async fn sorted(&self, set: &[PostSource]) -> Result<Vec<PostFacts>, BlogError> {
        let mut sorted = Vec::new();
        for source in set {
            let order = PostOrder { field: source.field(), direction: Direction::Descending };
            let mut after = None;
            loop {
                let (from, limit) = (after.as_ref(), MAX_POSTS_PER_READ);
                let posts = self.state.store.list_facts(source, order.direction, from, limit).await?;
                let is_last = posts.len() < limit as usize;
                after = posts.last().map(|last| order.position(last));
                sorted.extend(posts.into_iter().filter(|post| self.has(post)));
                if is_last {
                    break;
                }
            }
        }
        sort(self.selection.order, &mut sorted);
        Ok(sorted)
    }
}

/// Sorts posts, and keeps each of them once.
fn sort(order: PostOrder, posts: &mut Vec<PostFacts>) {
    posts.sort_by(|one, other| order.compare(&order.position(one), &order.position(other)));
    posts.dedup_by_key(|post| post.id);
}

/// Returns sets of sources. Each set has all posts in this state that match the filter, and may have others.
fn sets(filter: &PostFilter, listed: ListedState) -> Vec<Vec<PostSource>> {
    let ListedState { state, owner } = listed;
    let mut sets: Vec<Vec<PostSource>> = Vec::new();
    sets.extend(owner.map(|owner| vec![PostSource::Owner { owner, state }]));
    let tags = filter.tags.iter().filter(|_| state == PostState::Published).cloned().map(PostSource::Tag);
    match filter.tag_match {
        TagMatch::All => sets.extend(tags.map(|tag| vec![tag])),
        TagMatch::Any => sets.extend(Some(tags.collect::<Vec<_>>()).filter(|tags| !tags.is_empty())),
    }
    if !filter.published.is_open() {
        let (field, published) = (OrderField::PublishTime, filter.published);
        sets.push(vec![PostSource::State { state, field, published }]);
    }
    sets
}
