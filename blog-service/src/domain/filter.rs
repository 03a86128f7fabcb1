//! Filters of lists.

use chrono::{DateTime, Utc};

use super::{AuthorId, Post, PostCaller, PostId, PostRights, PostState, Tag, Tags};

/// Filter of a list. A post is listed if it matches each part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostFilter {
    /// Owner; `None` for all.
    pub owner: Option<AuthorId>,
    /// Different tags; none for all posts.
    pub tags: Vec<Tag>,
    /// Number of the tags that a post must have.
    pub tag_match: TagMatch,
    /// Different states.
    pub states: Vec<PostState>,
    /// Times of publication.
    pub published: PublishedRange,
}

/// Number of the tags of a filter that a post must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagMatch {
    /// Each of them.
    #[default]
    All,
    /// At least one.
    Any,
}

/// Range of times of publication, without its ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublishedRange {
    /// Listed posts are published later; `None` for no bound.
    pub after: Option<DateTime<Utc>>,
    /// Listed posts are published earlier; `None` for no bound.
    pub before: Option<DateTime<Utc>>,
}

/// Facts of a post that filters and orders need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostFacts {
    /// Id.
    pub id: PostId,
    /// Owner.
    pub owner_id: AuthorId,
    /// State.
    pub state: PostState,
    /// Title.
    pub title: String,
    /// Tags.
    pub tags: Tags,
    /// Time of publication; `None` for a draft.
    pub publish_time: Option<DateTime<Utc>>,
    /// Time of the last change.
    pub update_time: DateTime<Utc>,
}

/// Posts in one state that a caller may list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedState {
    /// State.
    pub state: PostState,
    /// Owner; `None` for all.
    pub owner: Option<AuthorId>,
}

impl Default for PostFilter {
    /// Returns the filter that all published posts match.
    fn default() -> Self {
        Self {
            owner: None,
            tags: Vec::new(),
            tag_match: TagMatch::All,
            states: vec![PostState::Published],
            published: PublishedRange::default(),
        }
    }
}

impl PublishedRange {
    /// Returns true if all times match, and no time, too.
    pub fn is_open(self) -> bool {
        self.after.is_none() && self.before.is_none()
    }

    /// Returns true if the time of publication is in the range. No time is in an open range only.
    pub fn contains(self, time: Option<DateTime<Utc>>) -> bool {
        match time {
            Some(time) => self.after.is_none_or(|after| time > after) && self.before.is_none_or(|before| time < before),
            None => self.is_open(),
        }
    }
}

impl PostFilter {
    /// Returns true if the post matches each part.
    pub fn matches(&self, post: &PostFacts) -> bool {
        let has = |tag: &Tag| post.tags.iter().any(|other| other == tag.as_str());
        let has_tags = match self.tag_match {
            _ if self.tags.is_empty() => true,
            TagMatch::All => self.tags.iter().all(has),
            TagMatch::Any => self.tags.iter().any(has),
        };
        has_tags
            && self.states.contains(&post.state)
            && self.owner.is_none_or(|owner| owner == post.owner_id)
            && self.published.contains(post.publish_time)
    }

    /// Returns the states of the filter with the owners whose posts the caller may list. A state is missing if no post of
    /// it can be listed.
    pub fn listed_states(&self, caller: PostCaller) -> Vec<ListedState> {
        let listed = |state: PostState| {
            if state == PostState::Draft && !self.published.is_open() {
                return None;
            }
            if state == PostState::Published || caller.rights >= PostRights::Viewer {
                return Some(ListedState { state, owner: self.owner });
            }
            let own = caller.user.filter(|user| self.owner.is_none_or(|owner| owner == *user))?;
            Some(ListedState { state, owner: Some(own) })
        };
        self.states.iter().copied().filter_map(listed).collect()
    }

    /// Returns a text that differs between different filters.
    pub fn fingerprint(&self) -> String {
        let owner = self.owner.map(|owner| owner.to_string()).unwrap_or_default();
        let mut states: Vec<&str> = self.states.iter().copied().map(PostState::as_str).collect();
        states.sort_unstable();
        let mut tags: Vec<&str> = self.tags.iter().map(Tag::as_str).collect();
        tags.sort_unstable();
        let tag_match = match self.tag_match {
            _ if tags.len() < 2 => "one",
            TagMatch::All => "all",
            TagMatch::Any => "any",
        };
        let micros =
            |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp_micros().to_string()).unwrap_or_default();
        let (after, before) = (micros(self.published.after), micros(self.published.before));
        // Tags have neither blanks nor commas.
        let (states, tags) = (states.join(","), tags.join(","));
        format!("owner={owner} states={states} after={after} before={before} {tag_match}={tags}")
    }
}

impl From<&Post> for PostFacts {
    fn from(post: &Post) -> Self {
        Self {
            id: post.id,
            owner_id: post.owner_id,
            state: post.state,
            title: post.title.clone(),
            tags: post.tags.clone(),
            publish_time: post.publish_time,
            update_time: post.update_time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: AuthorId = AuthorId::from_u128(1);
    const BOB: AuthorId = AuthorId::from_u128(2);

    fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn tags(texts: &[&str]) -> Vec<Tag> {
        texts.iter().map(|text| Tag::parse(text).unwrap()).collect()
    }

    fn facts() -> PostFacts {
        PostFacts {
            id: PostId::from_u128(1),
            owner_id: ADA,
            state: PostState::Published,
            title: "Title".into(),
            tags: Tags::join(&tags(&["a", "b"])).unwrap(),
            publish_time: Some(time(100)),
            update_time: time(200),
        }
    }

    #[test]
    fn post_matches_each_part_of_a_filter() {
        let all = PostFilter::default;
        let range = |after, before| PublishedRange { after, before };
        for (filter, matches) in [
            (all(), true),
            (PostFilter { owner: Some(ADA), ..all() }, true),
            (PostFilter { owner: Some(BOB), ..all() }, false),
            (PostFilter { tags: tags(&["b", "a"]), ..all() }, true),
            (PostFilter { tags: tags(&["a", "c"]), ..all() }, false),
            (PostFilter { tags: tags(&["a", "c"]), tag_match: TagMatch::Any, ..all() }, true),
            (PostFilter { tags: tags(&["c"]), tag_match: TagMatch::Any, ..all() }, false),
            (PostFilter { tag_match: TagMatch::Any, ..all() }, true),
            (PostFilter { states: vec![PostState::Draft, PostState::Scheduled], ..all() }, false),
            (PostFilter { published: range(Some(time(99)), Some(time(101))), ..all() }, true),
            (PostFilter { published: range(Some(time(100)), None), ..all() }, false),
            (PostFilter { published: range(None, Some(time(100))), ..all() }, false),
        ] {
            assert_eq!(filter.matches(&facts()), matches, "{filter:?}");
        }
        assert!(!range(Some(time(0)), None).contains(None) && range(None, None).contains(None));
    }

    /// C56: drafts are listed for their owner, editors and admins.
    #[test]
    fn drafts_are_listed_for_owner_editor_and_admin() {
        let filter =
            |owner| PostFilter { owner, states: vec![PostState::Draft, PostState::Published], ..PostFilter::default() };
        let reader = |user| PostCaller { user, rights: PostRights::Reader };
        let (draft, published) = (PostState::Draft, PostState::Published);
        let listed = |state, owner| ListedState { state, owner };
        for (caller, owner, wanted) in [
            (reader(Some(ADA)), None, vec![listed(draft, Some(ADA)), listed(published, None)]),
            (reader(Some(ADA)), Some(ADA), vec![listed(draft, Some(ADA)), listed(published, Some(ADA))]),
            (reader(Some(ADA)), Some(BOB), vec![listed(published, Some(BOB))]),
            (reader(None), None, vec![listed(published, None)]),
            (
                PostCaller { user: None, rights: PostRights::Viewer },
                None,
                vec![listed(draft, None), listed(published, None)],
            ),
        ] {
            assert_eq!(filter(owner).listed_states(caller), wanted, "{caller:?} {owner:?}");
        }
        let published_since = PublishedRange { after: Some(time(0)), before: None };
        let since = PostFilter { published: published_since, ..filter(None) };
        assert_eq!(since.listed_states(reader(Some(ADA))), [listed(published, None)]);
    }

    #[test]
    fn different_filters_have_different_fingerprints() {
        let all = PostFilter::default;
        let filters = [
            all(),
            PostFilter { owner: Some(ADA), ..all() },
            PostFilter { tags: tags(&["a"]), ..all() },
            PostFilter { tags: tags(&["a", "b"]), ..all() },
            PostFilter { tags: tags(&["a", "b"]), tag_match: TagMatch::Any, ..all() },
            PostFilter { states: vec![PostState::Draft], ..all() },
            PostFilter { published: PublishedRange { after: Some(time(1)), before: None }, ..all() },
            PostFilter { published: PublishedRange { after: None, before: Some(time(1)) }, ..all() },
        ];
        let mut texts: Vec<String> = filters.iter().map(PostFilter::fingerprint).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), filters.len());
        let turned = PostFilter { tags: tags(&["b", "a"]), ..all() };
        assert!(texts.contains(&turned.fingerprint()));
    }
}
