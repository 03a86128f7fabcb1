//! Facts of posts along each index, and their numbers.

use blog_service::domain::{
    Direction, OrderField, PostChange, PostDetails, PostFacts, PostId, PostOrder, PostState, PostView, Publication,
    PublishedRange, Tag, Tags, Title,
};
use blog_service::store::{NewPost, PostSource};
use chrono::TimeDelta;
use testkit::{on_both_engines, start};

use crate::support::{ADA, Case, draft, new_post, title};

const FIELDS: [OrderField; 4] =
    [OrderField::CreateTime, OrderField::PublishTime, OrderField::UpdateTime, OrderField::Title];

fn tag() -> Tag {
    Tag::parse("rust").unwrap()
}

fn in_state(state: PostState, field: OrderField) -> PostSource {
    PostSource::State { state, field, published: PublishedRange::default() }
}

/// Returns the ids of a source in this direction, read one by one.
async fn walk(store: &Case, source: &PostSource, direction: Direction) -> Vec<u128> {
    let order = PostOrder { field: source.field(), direction };
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let found: Vec<PostFacts> = store.list_facts(source, direction, after.as_ref(), 1).await.unwrap();
        let Some(post) = found.first() else { return ids };
        ids.push(post.id.as_u128());
        after = Some(order.position(post));
    }
}

/// Creates posts at one time, whose titles have the reverse order, and changes the first one.
async fn fill(store: &Case) {
    for id in 1..=4 {
        let title = Title::parse(format!("{}", 9 - id)).unwrap();
        let details = PostDetails { tags: Tags::join(&[tag()]).unwrap(), ..PostDetails::default() };
        store.create_post(NewPost { title, details, ..new_post(id) }, None).await.unwrap().unwrap();
    }
    store.create_post(draft(5), None).await.unwrap().unwrap();
    let later = start() + TimeDelta::seconds(1);
    store.update_post(PostId::from_u128(1), PostChange::default(), None, later).await.unwrap().unwrap();
}

async fn posts_follow_each_index(store: Case) {
    fill(&store).await;
    let published = |field| in_state(PostState::Published, field);
    for (source, wanted) in [
        (published(OrderField::CreateTime), vec![1, 2, 3, 4]),
        (published(OrderField::PublishTime), vec![1, 2, 3, 4]),
        (published(OrderField::UpdateTime), vec![2, 3, 4, 1]),
        (published(OrderField::Title), vec![4, 3, 2, 1]),
        (PostSource::Owner { owner: ADA, state: PostState::Published }, vec![1, 2, 3, 4]),
        (PostSource::Owner { owner: ADA, state: PostState::Draft }, vec![5]),
        (PostSource::Owner { owner: ADA, state: PostState::Scheduled }, vec![]),
        (PostSource::Tag(tag()), vec![1, 2, 3, 4]),
        (in_state(PostState::Draft, OrderField::Title), vec![5]),
        (in_state(PostState::Draft, OrderField::PublishTime), vec![]),
    ] {
        let mut wanted: Vec<u128> = wanted;
        assert_eq!(walk(&store, &source, Direction::Ascending).await, wanted, "{source:?}");
        wanted.reverse();
        assert_eq!(walk(&store, &source, Direction::Descending).await, wanted, "{source:?}");
    }
}

async fn facts_are_those_of_the_post(store: Case) {
    fill(&store).await;
    for field in FIELDS {
        let source = in_state(PostState::Published, field);
        for facts in store.list_facts(&source, Direction::Ascending, None, 9).await.unwrap() {
            let post = store.post(facts.id, PostView::Basic).await.unwrap().unwrap();
            assert_eq!(PostFacts::from(&post), facts);
        }
    }
    // A title of the largest size and the last characters has its place, too.
    let last = "\u{10fffd}".repeat(128);
    store.update_post(PostId::from_u128(2), title(&last), None, start()).await.unwrap().unwrap();
    let source = in_state(PostState::Published, OrderField::Title);
    assert_eq!(walk(&store, &source, Direction::Descending).await, [2, 1, 3, 4]);
}

async fn range_of_times_has_no_ends(store: Case) {
    fill(&store).await;
    let second = |seconds| start() + TimeDelta::seconds(seconds);
    let (id, time) = (PostId::from_u128(5), second(9));
    store.publish_post(id, Publication::At(time), None, start()).await.unwrap().unwrap();
    store.publish_due_posts(time).await.unwrap();
    for (after, before, wanted) in [
        (None, None, vec![1, 2, 3, 4, 5]),
        (Some(second(0)), None, vec![5]),
        (Some(second(-1)), Some(second(9)), vec![1, 2, 3, 4]),
        (Some(second(-1)), Some(second(10)), vec![1, 2, 3, 4, 5]),
        (None, Some(second(0)), vec![]),
        (Some(second(9)), None, vec![]),
        (Some(second(10)), Some(second(0)), vec![]),
    ] {
        let published = PublishedRange { after, before };
        let source = PostSource::State { state: PostState::Published, field: OrderField::PublishTime, published };
        assert_eq!(walk(&store, &source, Direction::Ascending).await, wanted, "{published:?}");
        let count = u32::try_from(wanted.len()).unwrap();
        assert_eq!(store.count_up_to(&source, 9).await.unwrap(), count, "{published:?}");
        let mut wanted = wanted;
        wanted.reverse();
        assert_eq!(walk(&store, &source, Direction::Descending).await, wanted, "{published:?}");
    }
}

async fn counts_stop_at_their_limit(store: Case) {
    fill(&store).await;
    let owner = PostSource::Owner { owner: ADA, state: PostState::Published };
    for source in [owner, PostSource::Tag(tag()), in_state(PostState::Published, OrderField::PublishTime)] {
        for (limit, count) in [(0, 0), (3, 3), (4, 4), (9, 4), (u32::MAX, 4)] {
            assert_eq!(store.count_up_to(&source, limit).await.unwrap(), count, "{source:?} {limit}");
        }
    }
    assert_eq!(store.count_up_to(&PostSource::Tag(Tag::parse("none").unwrap()), 9).await.unwrap(), 0);
}

on_both_engines!(crate::support::Case:
    posts_follow_each_index,
    facts_are_those_of_the_post,
    range_of_times_has_no_ends,
    counts_stop_at_their_limit,
);
