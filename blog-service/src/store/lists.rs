//! Lists by filter and order: facts of posts along one index, and numbers of posts that a filter can match.

use chrono::{DateTime, TimeDelta, Utc};
use db::{FileRow, FileRowError, ReadRow, SqlStatement};
use sqlx::FromRow;
use uuid::Uuid;

use super::{BlogStore, StoreError, Time};
use crate::domain::{
    AuthorId, Direction, OrderField, OrderValue, PostFacts, PostId, PostOrder, PostPosition, PostState, PublishedRange,
    Tag, Tags,
};

/// Posts that one index has in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostSource {
    /// Posts in a state, ordered by a field. Ordered by the time of publication, only those of a range.
    State {
        /// State.
        state: PostState,
        /// Field that orders them.
        field: OrderField,
        /// Range of the times of publication.
        published: PublishedRange,
    },
    /// Posts of an owner in a state, in the order of their ids.
    Owner {
        /// Owner.
        owner: AuthorId,
        /// State.
        state: PostState,
    },
    /// Published posts with a tag, in the order of their ids.
    Tag(Tag),
}

impl PostSource {
    /// Returns the field that orders the posts.
    pub fn field(&self) -> OrderField {
        match self {
            Self::State { field, .. } => *field,
            Self::Owner { .. } | Self::Tag(_) => OrderField::CreateTime,
        }
    }
}

impl BlogStore {
    /// Returns at most `limit` posts of the source behind the place `after`, in this direction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_facts(
        &self,
        source: &PostSource,
        direction: Direction,
        after: Option<&PostPosition>,
        limit: u32,
    ) -> Result<Vec<PostFacts>, StoreError> {
        let order = PostOrder { field: source.field(), direction };
        let start = after.cloned().unwrap_or_else(|| beginning(order));
        let statement = match source {
            PostSource::State { state, published, .. } => of_state(*state, order, start, *published),
            PostSource::Owner { owner, state } => of_owner(*owner, *state, direction, start.id),
            PostSource::Tag(tag) => with_tag(tag, direction, start.id),
        };
        let rows: Vec<FactsRow> = self.db.select(statement.bind(i64::from(limit))).await?;
        Ok(rows.into_iter().map(PostFacts::from).collect())
    }

    /// Returns the number of posts of the source, but at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_up_to(&self, source: &PostSource, limit: u32) -> Result<u32, StoreError> {
        // The orders keep a server from reading the table in place of the index.
        const OF_STATE: &str = "select count(*) as posts from (select 1 from posts where state = $1 and publish_time \
             >= $2 and publish_time <= $3 order by publish_time, id limit $4) few";
        const OF_OWNER: &str = "select count(*) as posts from (select 1 from posts where owner_id = $1 and state = $2 \
             order by id limit $3) few";
        const WITH_TAG: &str = "select coalesce(sum(posts), 0) as posts from tag_counts where tag = $1";
        let rows = i64::from(limit);
        let statement = match source {
            PostSource::State { state, published, .. } => {
                let statement = SqlStatement::new(OF_STATE).bind(state.as_str());
                statement.bind(first_in(*published)).bind(last_in(*published)).bind(rows)
            }
            PostSource::Owner { owner, state } => {
                SqlStatement::new(OF_OWNER).bind(*owner).bind(state.as_str()).bind(rows)
            }
            PostSource::Tag(tag) => SqlStatement::new(WITH_TAG).bind(tag.as_str()),
        };
        let counted: Vec<(i64,)> = self.db.select(statement).await?;
        Ok(counted.first().map_or(0, |(count,)| u32::try_from(*count).unwrap_or(u32::MAX)).min(limit))
    }
}

/// Returns the statement for posts in a state, without its limit.
fn of_state(state: PostState, order: PostOrder, start: PostPosition, published: PublishedRange) -> SqlStatement {
    const BY_ID: &str = "select id, owner_id, state, title, tags, publish_time, update_time from posts where state = $1 \
         and id > $2 order by id limit $3";
    const BY_ID_DOWN: &str = "select id, owner_id, state, title, tags, publish_time, update_time from posts where state \
         = $1 and id < $2 order by id desc limit $3";
    const BY_PUBLISH_TIME: &str = "select id, owner_id, state, title, tags, publish_time, update_time from posts where \
         state = $1 and (publish_time, id) > ($2, $3) and publish_time <= $4 order by publish_time, id limit $5";
    const BY_PUBLISH_TIME_DOWN: &str = "select id, owner_id, state, title, tags, publish_time, update_time from posts \
         where state = $1 and (publish_time, id) < ($2, $3) and publish_time >= $4 order by publish_time desc, id desc \
         limit $5";
    const BY_UPDATE_TIME: &str = "select id, owner_id, state, title, tags, publish_time, update_time from posts where \
         state = $1 and (update_time, id) > ($2, $3) order by update_time, id limit $4";
    const BY_UPDATE_TIME_DOWN: &str = "select id, owner_id, state, title, tags, publish_time, update_time from posts \
         where state = $1 and (update_time, id) < ($2, $3) order by update_time desc, id desc limit $4";
    const BY_TITLE: &str = "select id, owner_id, state, title, tags, publish_time, update_time from titled_posts where \
         state = $1 and (title, id) > ($2, $3) order by title, id limit $4";
    const BY_TITLE_DOWN: &str = "select id, owner_id, state, title, tags, publish_time, update_time from titled_posts \
         where state = $1 and (title, id) < ($2, $3) order by title desc, id desc limit $4";
    let is_ascending = order.direction == Direction::Ascending;
    let sql = match (order.field, is_ascending) {
        (OrderField::CreateTime, true) => BY_ID,
        (OrderField::CreateTime, false) => BY_ID_DOWN,
        (OrderField::PublishTime, true) => BY_PUBLISH_TIME,
        (OrderField::PublishTime, false) => BY_PUBLISH_TIME_DOWN,
        (OrderField::UpdateTime, true) => BY_UPDATE_TIME,
        (OrderField::UpdateTime, false) => BY_UPDATE_TIME_DOWN,
        (OrderField::Title, true) => BY_TITLE,
        (OrderField::Title, false) => BY_TITLE_DOWN,
    };
    let statement = SqlStatement::new(sql).bind(state.as_str());
    let PostPosition { value, id } = start;
    match value {
        OrderValue::Id => statement.bind(id),
        OrderValue::Title(title) => statement.bind(title.as_str()).bind(id),
        OrderValue::Time(time) if order.field == OrderField::PublishTime => {
            let (time, id, end) = match order.direction {
                Direction::Ascending => {
                    let after = published.after.filter(|after| *after >= time);
                    (after.unwrap_or(time), after.map_or(id, |_| PostId::MAX), last_in(published))
                }
                Direction::Descending => {
                    let before = published.before.filter(|before| *before <= time);
                    (before.unwrap_or(time), before.map_or(id, |_| PostId::NIL), first_in(published))
                }
            };
            statement.bind(time).bind(id).bind(end)
        }
        OrderValue::Time(time) => statement.bind(time).bind(id),
    }
}

/// Returns the statement for posts of an owner, without its limit.
fn of_owner(owner: AuthorId, state: PostState, direction: Direction, start: PostId) -> SqlStatement {
    const UP: &str = "select id, owner_id, state, title, tags, publish_time, update_time from posts where owner_id = $1 \
         and state = $2 and id > $3 order by id limit $4";
    const DOWN: &str = "select id, owner_id, state, title, tags, publish_time, update_time from posts where owner_id = \
         $1 and state = $2 and id < $3 order by id desc limit $4";
    let sql = match direction {
        Direction::Ascending => UP,
        Direction::Descending => DOWN,
    };
    SqlStatement::new(sql).bind(owner).bind(state.as_str()).bind(start)
}

/// Returns the statement for published posts with a tag, without its limit.
fn with_tag(tag: &Tag, direction: Direction, start: PostId) -> SqlStatement {
    // The limit comes before the join: a merge of both tables could read most posts.
    const UP: &str = "select id, owner_id, state, title, tags, publish_time, update_time from (select post_id from \
         post_tags where tag = $1 and post_id > $2 order by post_id limit $3) tagged join posts on id = post_id order by \
         post_id";
    const DOWN: &str = "select id, owner_id, state, title, tags, publish_time, update_time from (select post_id from \
         post_tags where tag = $1 and post_id < $2 order by post_id desc limit $3) tagged join posts on id = post_id \
         order by post_id desc";
    let sql = match direction {
        Direction::Ascending => UP,
        Direction::Descending => DOWN,
    };
    SqlStatement::new(sql).bind(tag.as_str()).bind(start)
}

/// Returns a place before all posts.
fn beginning(order: PostOrder) -> PostPosition {
    // No title is greater: a title has at most 128 characters.
    let last_title = || char::MAX.to_string().repeat(129);
    let (is_ascending, field) = (order.direction == Direction::Ascending, order.field);
    let value = match field {
        OrderField::CreateTime => OrderValue::Id,
        OrderField::PublishTime | OrderField::UpdateTime => {
            OrderValue::Time(if is_ascending { first_time() } else { last_time() })
        }
        OrderField::Title => OrderValue::Title(if is_ascending { String::new() } else { last_title() }),
    };
    PostPosition { value, id: if is_ascending { PostId::NIL } else { PostId::MAX } }
}

/// Returns the first time of the range. Times have whole microseconds.
fn first_in(published: PublishedRange) -> Time {
    published.after.map_or_else(first_time, |after| (after + TimeDelta::microseconds(1)).min(last_time()))
}

/// Returns the last time of the range.
fn last_in(published: PublishedRange) -> Time {
    published.before.map_or_else(last_time, |before| before - TimeDelta::microseconds(1))
}

/// Returns the beginning of the year 1. Earlier times are refused at their input.
fn first_time() -> Time {
    DateTime::from_timestamp(-62_135_596_800, 0).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// Returns the end of the year 9999. Later times are refused at their input.
fn last_time() -> Time {
    DateTime::from_timestamp(253_402_300_799, 999_999_000).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Facts of a row.
#[derive(FromRow)]
struct FactsRow {
    id: PostId,
    owner_id: AuthorId,
    state: String,
    title: String,
    tags: String,
    publish_time: Option<DateTime<Utc>>,
    update_time: DateTime<Utc>,
}

impl ReadRow for FactsRow {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self {
            id: row.get::<_, Uuid>(0)?.into(),
            owner_id: row.get::<_, Uuid>(1)?.into(),
            state: row.get(2)?,
            title: row.get(3)?,
            tags: row.get(4)?,
            publish_time: row.get(5)?,
            update_time: row.get(6)?,
        })
    }
}

impl From<FactsRow> for PostFacts {
    fn from(row: FactsRow) -> Self {
        let FactsRow { id, owner_id, state, title, tags, publish_time, update_time } = row;
        let state = PostState::from_name(&state);
        let publish_time = publish_time.filter(|_| state != PostState::Draft);
        Self { id, owner_id, state, title, tags: Tags::from_stored(tags), publish_time, update_time }
    }
}
