//! Lists by filter and order: each filter, each order, and who sees which posts.

use std::time::{Duration, SystemTime};

use blog_service::api::v1::{CreatePostRequest, ListPostsRequest, Post, PostFilter, PostState, PostView, TagMatch};
use chrono::TimeDelta;
use prost_types::Timestamp;
use tonic::{Code, Status};

use super::support::{ADA, ADMIN, BOB, EDITOR, Service, bad_fields, refused, start, start_with};

const ORDER_RULE: &str = "order_by: must be one of create_time, publish_time, update_time and title, with ` desc` behind it for \
     the descending order";

/// Returns the titles of every page.
async fn walk(service: &Service, user: &str, request: ListPostsRequest) -> Result<Vec<Vec<String>>, Status> {
    let (mut pages, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListPostsRequest { page_token, ..request.clone() };
        let page = service.posts(user).list_posts(request).await?.into_inner();
        pages.push(page.posts.into_iter().map(|post| post.title).collect());
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(pages);
        }
    }
}

/// Returns the titles of all posts, in pages of two.
async fn titles(service: &Service, user: &str, filter: PostFilter, order: &str) -> Vec<String> {
    let request =
        ListPostsRequest { page_size: 2, filter: Some(filter), order_by: order.into(), ..ListPostsRequest::default() };
    let mut seen = Vec::new();
    for view in [PostView::Basic, PostView::Full] {
        let pages = walk(service, user, ListPostsRequest { view: view.into(), ..request.clone() }).await.unwrap();
        assert!(pages.iter().all(|page| page.len() <= 2));
        seen.push(pages.concat());
    }
    assert_eq!(seen[0], seen[1], "the view changes no list");
    seen.remove(0)
}

async fn create(service: &Service, user: &str, title: &str, tags: &[&str], draft: bool) -> Post {
    let request = CreatePostRequest {
        title: title.into(),
        content: "First post.".into(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        draft,
        ..CreatePostRequest::default()
    };
    // Each post has its own time.
    service.clock.advance(Duration::from_secs(1));
    service.posts(user).create_post(request).await.unwrap().into_inner().post.unwrap()
}

/// Returns a time this many seconds after the start of the test.
fn second(seconds: i64) -> Timestamp {
    SystemTime::from(testkit::start() + TimeDelta::seconds(seconds)).into()
}

fn states(states: &[PostState]) -> Vec<i32> {
    states.iter().map(|state| (*state).into()).collect()
}

fn by_tags(tags: &[&str], tag_match: TagMatch) -> PostFilter {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    PostFilter { tags, tag_match: tag_match.into(), ..PostFilter::default() }
}

/// Creates five published posts in the seconds 1 to 5, a draft and a scheduled post of Ada, and a draft of Bob.
async fn posts(service: &Service) {
    create(service, ADA, "b", &["rust", "sql"], false).await;
    create(service, BOB, "C", &["rust"], false).await;
    create(service, ADA, "\u{e9}", &["sql"], false).await;
    create(service, BOB, "a", &["rust", "sql"], false).await;
    create(service, ADA, "d", &[], false).await;
    create(service, ADA, "draft of Ada", &["rust"], true).await;
    let scheduled = create(service, ADA, "scheduled", &["sql"], true).await;
    let later = testkit::start() + TimeDelta::hours(1);
    service.publish(ADA, &scheduled.id, Some(later)).await.unwrap();
    create(service, BOB, "draft of Bob", &["rust"], true).await;
}

#[tokio::test]
async fn each_filter_selects_its_posts() {
    let service = start().await;
    posts(&service).await;
    let all = PostFilter::default;
    let me = || PostFilter { owner_id: "me".into(), ..all() };
    for (filter, wanted) in [
        (all(), vec!["d", "a", "\u{e9}", "C", "b"]),
        (PostFilter { owner_id: ADA.into(), ..all() }, vec!["d", "\u{e9}", "b"]),
        (me(), vec!["a", "C"]),
        (PostFilter { owner_id: "01900000-0000-7000-8000-00000000000c".into(), ..all() }, vec![]),
        (by_tags(&["rust"], TagMatch::All), vec!["a", "C", "b"]),
        (by_tags(&[" RUST ", "sql", "rust"], TagMatch::Unspecified), vec!["a", "b"]),
        (by_tags(&["rust", "sql"], TagMatch::Any), vec!["a", "\u{e9}", "C", "b"]),
        (by_tags(&["rust", "none"], TagMatch::All), vec![]),
        (by_tags(&["rust", "none"], TagMatch::Any), vec!["a", "C", "b"]),
        (by_tags(&[], TagMatch::Any), vec!["d", "a", "\u{e9}", "C", "b"]),
        (PostFilter { published_after: Some(second(3)), ..all() }, vec!["d", "a"]),
        (PostFilter { published_before: Some(second(3)), ..all() }, vec!["C", "b"]),
        (
            PostFilter { published_after: Some(second(1)), published_before: Some(second(4)), ..all() },
            vec!["\u{e9}", "C"],
        ),
        (PostFilter { published_after: Some(second(4)), published_before: Some(second(1)), ..all() }, vec![]),
        (PostFilter { published_before: Some(second(4)), ..by_tags(&["sql"], TagMatch::All) }, vec!["\u{e9}", "b"]),
        (PostFilter { owner_id: ADA.into(), ..by_tags(&["sql"], TagMatch::All) }, vec!["\u{e9}", "b"]),
        (PostFilter { published_after: Some(second(3)), ..me() }, vec!["a"]),
    ] {
        assert_eq!(titles(&service, BOB, filter.clone(), "").await, wanted, "{filter:?}");
        let mut sorted = wanted.clone();
        sorted.sort_unstable();
        assert_eq!(titles(&service, BOB, filter.clone(), "title").await, sorted, "{filter:?} by title");
        sorted.reverse();
        assert_eq!(titles(&service, BOB, filter.clone(), "title desc").await, sorted, "{filter:?} by title desc");
        // These posts were published and changed when they were created.
        for field in ["create_time", "publish_time", "update_time"] {
            let mut wanted = wanted.clone();
            assert_eq!(titles(&service, BOB, filter.clone(), &format!("{field} desc")).await, wanted, "{filter:?}");
            wanted.reverse();
            assert_eq!(titles(&service, BOB, filter.clone(), field).await, wanted, "{filter:?} by {field}");
        }
    }
}

#[tokio::test]
async fn orders_follow_their_fields() {
    let service = start().await;
    let first = create(&service, ADA, "1", &[], true).await;
    create(&service, ADA, "2", &[], false).await;
    create(&service, ADA, "3", &[], false).await;
    service.clock.advance(Duration::from_secs(1));
    service.publish(ADA, &first.id, None).await.unwrap();
    let all = PostFilter::default;
    assert_eq!(titles(&service, BOB, all(), "").await, ["3", "2", "1"]);
    assert_eq!(titles(&service, BOB, all(), "publish_time desc").await, ["1", "3", "2"]);
    assert_eq!(titles(&service, BOB, all(), " update_time  asc ").await, ["2", "3", "1"]);
    // Equal titles follow their ids.
    let other = create(&service, ADA, "2", &["other"], false).await;
    let request = ListPostsRequest { page_size: 1, order_by: "title desc".into(), ..ListPostsRequest::default() };
    let mut ids = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListPostsRequest { page_token, ..request.clone() };
        let page = service.posts(BOB).list_posts(request).await.unwrap().into_inner();
        ids.extend(page.posts.into_iter().map(|post| post.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!((ids.len(), &ids[1], &ids[3]), (4, &other.id, &first.id));
}

/// C56: drafts and scheduled posts are listed for their owner, editors and admins.
#[tokio::test]
async fn unpublished_posts_are_listed_for_those_who_see_them() {
    let service = start_with(&["--public-reads"]).await;
    posts(&service).await;
    let hidden = [PostState::Draft, PostState::Scheduled];
    let filter = |owner: &str, states: &[PostState]| PostFilter {
        owner_id: owner.into(),
        states: self::states(states),
        ..PostFilter::default()
    };
    let everything = ["draft of Bob", "scheduled", "draft of Ada"];
    for (user, owner, wanted) in [
        (ADA, "", &["scheduled", "draft of Ada"][..]),
        (ADA, "me", &["scheduled", "draft of Ada"]),
        (ADA, BOB, &[]),
        (BOB, "", &["draft of Bob"]),
        (BOB, ADA, &[]),
        ("service", "", &[]),
        (EDITOR, "", &everything),
        (ADMIN, "", &everything),
        (EDITOR, ADA, &["scheduled", "draft of Ada"]),
        (EDITOR, "me", &[]),
    ] {
        assert_eq!(titles(&service, user, filter(owner, &hidden), "").await, wanted, "{user} {owner}");
        let mut sorted = wanted.to_vec();
        sorted.sort_unstable();
        assert_eq!(titles(&service, user, filter(owner, &hidden), "title").await, sorted, "{user} {owner}");
    }
    let scheduled = [PostState::Scheduled, PostState::Published];
    let wanted = ["scheduled", "d", "a", "\u{e9}", "C", "b"];
    assert_eq!(titles(&service, ADA, filter("", &scheduled), "publish_time desc").await, wanted);
    assert_eq!(titles(&service, BOB, filter("", &scheduled), "publish_time desc").await, wanted[1..]);
    // Tags of drafts, and times of publication, which drafts do not have.
    let tagged = PostFilter { tags: vec!["rust".into()], ..filter("", &hidden) };
    assert_eq!(titles(&service, ADA, tagged.clone(), "").await, ["draft of Ada"]);
    assert_eq!(titles(&service, EDITOR, tagged, "").await, ["draft of Bob", "draft of Ada"]);
    let later = PostFilter { published_after: Some(second(100)), ..filter("", &hidden) };
    assert_eq!(titles(&service, EDITOR, later.clone(), "").await, ["scheduled"]);
    assert_eq!(titles(&service, BOB, later, "").await, [""; 0]);
}

/// C60: bad filters and orders are refused, all at once.
#[tokio::test]
async fn bad_filters_and_orders_are_refused() {
    let service = start().await;
    let status = async |user: &str, filter: PostFilter, order: &str| {
        let request = ListPostsRequest { filter: Some(filter), order_by: order.into(), ..ListPostsRequest::default() };
        service.posts(user).list_posts(request).await.unwrap_err()
    };
    let all = PostFilter::default;
    for order in ["id", "title,create_time", "title up", "TITLE", "title desc asc", "desc"] {
        let status = status(ADA, all(), order).await;
        refused(&status, Code::InvalidArgument, "INVALID_FIELDS", "blog.gatepost.dev", ORDER_RULE);
    }
    let bad_time = Some(Timestamp { seconds: i64::MAX, nanos: 0 });
    for (filter, field) in [
        (PostFilter { owner_id: "ada".into(), ..all() }, "filter.owner_id"),
        (by_tags(&["a,b"], TagMatch::All), "filter.tags[0]"),
        (PostFilter { tags: (0..17).map(|tag| tag.to_string()).collect(), ..all() }, "filter.tags"),
        (PostFilter { tag_match: 9, ..all() }, "filter.tag_match"),
        (PostFilter { states: vec![3, 0], ..all() }, "filter.states[1]"),
        (PostFilter { states: vec![9], ..all() }, "filter.states[0]"),
        (PostFilter { states: vec![3; 17], ..all() }, "filter.states"),
        (PostFilter { published_after: bad_time, ..all() }, "filter.published_after"),
        (PostFilter { published_before: bad_time, ..all() }, "filter.published_before"),
    ] {
        assert_eq!(bad_fields(&status(ADA, filter, "").await), [field]);
    }
    let no_user = PostFilter { owner_id: "me".into(), ..all() };
    assert_eq!(bad_fields(&status("service", no_user.clone(), "").await), ["filter.owner_id"]);
    let drafts = PostFilter { states: states(&[PostState::Draft, PostState::Published]), ..all() };
    assert_eq!(bad_fields(&status(ADA, drafts, "publish_time").await), ["order_by"]);
    let request = ListPostsRequest {
        page_size: -1,
        view: 9,
        filter: Some(PostFilter { tag_match: 9, ..no_user }),
        order_by: "x".into(),
        ..ListPostsRequest::default()
    };
    let status = service.posts("service").list_posts(request).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["page_size", "view", "filter.owner_id", "filter.tag_match", "order_by"]);
}

/// C60: a page token is good for its own filter, order and view.
#[tokio::test]
async fn page_token_of_another_list_is_refused() {
    let service = start().await;
    posts(&service).await;
    let all = PostFilter::default;
    let list = |filter: PostFilter, order: &str| ListPostsRequest {
        page_size: 1,
        filter: Some(filter),
        order_by: order.into(),
        ..ListPostsRequest::default()
    };
    let lists = [
        list(all(), ""),
        list(all(), "create_time"),
        list(all(), "title"),
        list(all(), "title desc"),
        list(all(), "update_time"),
        list(all(), "publish_time"),
        list(PostFilter { owner_id: ADA.into(), ..all() }, ""),
        list(PostFilter { owner_id: BOB.into(), ..all() }, ""),
        list(by_tags(&["rust"], TagMatch::All), ""),
        list(by_tags(&["rust", "sql"], TagMatch::All), ""),
        list(by_tags(&["rust", "sql"], TagMatch::Any), ""),
        list(PostFilter { published_after: Some(second(0)), ..all() }, ""),
        list(PostFilter { published_before: Some(second(9)), ..all() }, ""),
        list(PostFilter { states: states(&[PostState::Published, PostState::Scheduled]), ..all() }, ""),
        ListPostsRequest { view: PostView::Full.into(), ..list(all(), "title") },
        ListPostsRequest { view: PostView::Full.into(), ..list(all(), "") },
    ];
    for (one, first) in lists.iter().enumerate() {
        let page_token = service.posts(ADA).list_posts(first.clone()).await.unwrap().into_inner().next_page_token;
        assert!(!page_token.is_empty(), "{first:?}");
        for (other, request) in lists.iter().enumerate() {
            let request = ListPostsRequest { page_token: page_token.clone(), page_size: 9, ..request.clone() };
            let code = service.posts(ADA).list_posts(request).await.err().map(|status| status.code());
            assert_eq!(code, (one != other).then_some(Code::InvalidArgument), "{one} {other}");
        }
    }
    // The same list in other words.
    let request = list(by_tags(&["sql", "rust"], TagMatch::Unspecified), "");
    let page_token = service.posts(ADA).list_posts(request).await.unwrap().into_inner().next_page_token;
    let published = states(&[PostState::Published, PostState::Published]);
    let filter = PostFilter { states: published, ..by_tags(&["Rust", "sql", "rust"], TagMatch::All) };
    let request = ListPostsRequest { page_token, ..list(filter, "create_time  desc") };
    assert_eq!(service.posts(BOB).list_posts(request).await.unwrap().into_inner().posts[0].title, "b");
}

#[tokio::test]
async fn filtered_page_ends_at_three_mebibytes() {
    let service = start().await;
    let content = "a".repeat(512 * 1024);
    for title in ["1", "2", "3", "4"] {
        service.create(ADA, title, &content).await.unwrap();
    }
    let filter = Some(PostFilter { owner_id: ADA.into(), ..PostFilter::default() });
    let request = ListPostsRequest {
        view: PostView::Full.into(),
        filter,
        order_by: "title".into(),
        ..ListPostsRequest::default()
    };
    assert_eq!(walk(&service, BOB, request).await.unwrap(), [vec!["1", "2"], vec!["3", "4"]]);
}
