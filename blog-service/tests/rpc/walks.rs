//! Walks through lists while posts are created, changed and deleted between the pages, compared with a model: a post that
//! stays the same is listed once, at its place, and no revision of a post is listed twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use blog_service::api::v1::{
    CreatePostRequest, DeletePostRequest, ListPostsRequest, Post, PostFilter, PostPatch, PostState, PostView, TagMatch,
    UnpublishPostRequest, UpdatePostRequest,
};
use chrono::TimeDelta;
use testkit::Outsider;

use super::support::{ADA, BOB, EDITOR, Service, start, start_at};

const USERS: [&str; 2] = [ADA, BOB];
const TITLES: [&str; 6] = ["a", "a", "B", "\u{e9}", "\u{1f980}", "a b"];
const TAGS: [&[&str]; 5] = [&[], &["rust"], &["sql"], &["rust", "sql"], &["c", "rust"]];
const STATES: [&[PostState]; 5] = [
    &[],
    &[PostState::Published, PostState::Scheduled],
    &[PostState::Draft],
    &[PostState::Scheduled, PostState::Draft, PostState::Published],
    &[PostState::Published],
];
const ORDERS: [&str; 9] = [
    "",
    "create_time",
    "create_time desc",
    "publish_time",
    "publish_time desc",
    "update_time",
    "update_time desc",
    "title",
    "title desc",
];

/// Numbers from a seed, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The posts of a service, as its answers had them.
struct World<'s> {
    service: &'s Service,
    dice: Dice,
    posts: BTreeMap<String, Post>,
    /// Posts that were created, changed or deleted since the walk began.
    touched: BTreeSet<String>,
}

impl World<'_> {
    /// Keeps a post as a list shows it.
    fn keep(&mut self, post: Post) {
        self.touched.insert(post.id.clone());
        self.posts.insert(post.id.clone(), Post { content: String::new(), content_html: String::new(), ..post });
    }

    /// Creates, changes, moves or deletes a post.
    async fn change(&mut self) {
        // Several posts have the same time.
        self.service.clock.advance(Duration::from_micros(self.dice.of(&[0, 0, 1, 1_000_000])));
        let user = self.dice.of(&USERS);
        let ids: Vec<String> = self.posts.keys().cloned().collect();
        if ids.len() < 30 || self.dice.below(4) == 0 {
            let request = CreatePostRequest {
                title: self.dice.of(&TITLES).into(),
                content: "First post.".into(),
                tags: texts(self.dice.of(&TAGS)),
                draft: self.dice.below(3) == 0,
                ..CreatePostRequest::default()
            };
            let answer = self.service.posts(user).create_post(request).await.unwrap();
            return self.keep(answer.into_inner().post.unwrap());
        }
        let id = ids[self.dice.below(ids.len())].clone();
        let mut client = self.service.posts(EDITOR);
        match (self.dice.below(4), self.posts[&id].state()) {
            (0, _) => {
                client.delete_post(DeletePostRequest { id: id.clone(), etag: String::new() }).await.unwrap();
                self.touched.insert(id.clone());
                self.posts.remove(&id);
            }
            (1, PostState::Published | PostState::Scheduled) => {
                let request = UnpublishPostRequest { id: id.clone(), etag: String::new() };
                client.unpublish_post(request).await.unwrap();
                let post = self.service.read(EDITOR, &id).await.unwrap();
                self.keep(post);
            }
            (1, _) => {
                let later = self.service.clock.now() + TimeDelta::hours(1);
                let time = (self.dice.below(2) == 0).then_some(later);
                self.service.publish(EDITOR, &id, time).await.unwrap();
                let post = self.service.read(EDITOR, &id).await.unwrap();
                self.keep(post);
            }
            _ => {
                let patch = PostPatch {
                    title: Some(self.dice.of(&TITLES).into()),
                    tags: texts(self.dice.of(&TAGS)),
                    ..PostPatch::default()
                };
                let request = UpdatePostRequest { id: id.clone(), patch: Some(patch), ..UpdatePostRequest::default() };
                let answer = client.update_post(request).await.unwrap();
                self.keep(answer.into_inner().post.unwrap());
            }
        }
    }

    fn request(&mut self) -> ListPostsRequest {
        let states = self.dice.of(&STATES);
        let mut order_by = self.dice.of(&ORDERS);
        if states.contains(&PostState::Draft) && order_by.starts_with("publish") {
            order_by = "title";
        }
        let mut time = || {
            let wanted = (self.dice.below(4) == 0 && !self.posts.is_empty()).then(|| self.dice.below(self.posts.len()));
            wanted.and_then(|index| self.posts.values().nth(index).and_then(|post| post.publish_time))
        };
        let (published_after, published_before) = (time(), time());
        let filter = PostFilter {
            owner_id: self.dice.of(&["", "", "me", BOB]).into(),
            tags: texts(self.dice.of(&TAGS)),
            tag_match: self.dice.of(&[TagMatch::All, TagMatch::Any]).into(),
            states: states.iter().map(|state| (*state).into()).collect(),
            published_after,
            published_before,
        };
        ListPostsRequest {
            page_size: self.dice.of(&[1, 2, 3, 7, 50]),
            filter: Some(filter),
            order_by: order_by.into(),
            view: self.dice.of(&[PostView::Basic, PostView::Full]).into(),
            ..ListPostsRequest::default()
        }
    }

    /// Walks through one list, and compares it with the model.
    async fn walk(&mut self) {
        let request = self.request();
        let user = self.dice.of(&[ADA, BOB, EDITOR]);
        self.touched.clear();
        let (mut listed, mut page_token) = (Vec::new(), String::new());
        // A walk by the time of the last change follows the changes, and would not end.
        let mut changes = self.dice.below(40);
        loop {
            let page = ListPostsRequest { page_token, ..request.clone() };
            let page = self.service.posts(user).list_posts(page).await.unwrap().into_inner();
            for post in page.posts {
                let post = Post { content: String::new(), content_html: String::new(), ..post };
                assert_eq!(self.posts.get(&post.id), Some(&post), "a page shows the latest revision");
                assert!(matches(&post, &request, user), "{post:?}\n{request:?}");
                listed.push(post);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
            for _ in 0..self.dice.below(4).min(changes) {
                self.change().await;
                changes -= 1;
            }
        }
        let mut seen = BTreeSet::new();
        assert!(listed.iter().all(|post| seen.insert((&post.id, post.revision))), "twice in {listed:?}\n{request:?}");
        let unchanged = |post: &&Post| !self.touched.contains(&post.id);
        let mut wanted: Vec<&Post> =
            self.posts.values().filter(unchanged).filter(|post| matches(post, &request, user)).collect();
        wanted.sort_by(|one, other| compare(one, other, &request.order_by));
        let listed: Vec<&Post> = listed.iter().filter(unchanged).collect();
        assert_eq!(listed, wanted, "{request:?} {:?}", self.touched);
    }
}

/// Returns true if the list of this user has the post.
fn matches(post: &Post, request: &ListPostsRequest, user: &str) -> bool {
    let filter = request.filter.clone().unwrap();
    let owner = if filter.owner_id == "me" { own_id(user) } else { &filter.owner_id };
    let time = |time: &Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
    let published = time(&post.publish_time);
    let is_later = filter.published_after.is_none() || published.is_some() && published > time(&filter.published_after);
    let is_earlier =
        filter.published_before.is_none() || published.is_some() && published < time(&filter.published_before);
    let has = |tag: &String| post.tags.contains(tag);
    let has_tags = match filter.tag_match() {
        TagMatch::Any => filter.tags.is_empty() || filter.tags.iter().any(has),
        _ => filter.tags.iter().all(has),
    };
    let has_state = if filter.states.is_empty() {
        post.state() == PostState::Published
    } else {
        filter.states.contains(&post.state)
    };
    let is_seen = post.state() == PostState::Published || user == EDITOR || post.owner_id == user;
    is_seen && has_state && has_tags && is_later && is_earlier && (owner.is_empty() || post.owner_id == owner)
}

fn own_id(user: &str) -> &str {
    if user == EDITOR { "01900000-0000-7000-8000-00000000000e" } else { user }
}

fn compare(one: &Post, other: &Post, order_by: &str) -> std::cmp::Ordering {
    let time = |time: &Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
    let (field, direction) = order_by.split_once(' ').unwrap_or((order_by, ""));
    let by_id = one.id.cmp(&other.id);
    let ascending = match field {
        "title" => one.title.as_bytes().cmp(other.title.as_bytes()).then(by_id),
        "publish_time" => time(&one.publish_time).cmp(&time(&other.publish_time)).then(by_id),
        "update_time" => time(&one.update_time).cmp(&time(&other.update_time)).then(by_id),
        _ => by_id,
    };
    if direction == "desc" || field.is_empty() { ascending.reverse() } else { ascending }
}

async fn walks(service: Service, seed: u64) {
    let (posts, touched) = (BTreeMap::new(), BTreeSet::new());
    let mut world = World { service: &service, dice: Dice(seed), posts, touched };
    for _ in 0..40 {
        world.change().await;
    }
    for _ in 0..60 {
        world.walk().await;
    }
}

#[tokio::test]
async fn lists_of_a_file_stay_right_during_writes() {
    for seed in 0..2 {
        walks(start().await, seed).await;
    }
}

#[tokio::test]
async fn lists_of_a_server_stay_right_during_writes() {
    let Some(database) = testkit::postgres::database().await else { return };
    walks(start_at(&database.url).await, 9).await;
}

/// Multiplies the posts in a service's file by a power of two.
async fn multiply(service: &Service, doublings: usize, owner: &str) {
    const COLUMNS: &str = "title, revision, create_time, update_time, state, publish_time, content, html_version, \
         html_revision, content_html, made_excerpt";
    let mut outsider = Outsider::open(service.database()).await;
    let owner = owner.replace('-', "");
    let sql = format!(
        "insert into posts (id, owner_id, {COLUMNS}) select randomblob(16), owner_id, {COLUMNS} from posts \
         where owner_id = x'{owner}'"
    );
    outsider.run(&vec![sql; doublings].join("; ")).await;
    outsider.close().await;
}

#[tokio::test]
async fn rare_posts_in_a_large_list_are_found() {
    let service = start().await;
    // 8,192 posts of Bob before 4,096 posts of Ada, too many to be sorted.
    service.create(BOB, "a", "First post.").await.unwrap();
    multiply(&service, 13, BOB).await;
    service.create(ADA, "b", "First post.").await.unwrap();
    multiply(&service, 12, ADA).await;
    let filter = Some(PostFilter { owner_id: ADA.into(), ..PostFilter::default() });
    let request = ListPostsRequest { page_size: 1000, filter, order_by: "title".into(), ..ListPostsRequest::default() };
    let (mut sizes, mut ids, mut page_token) = (Vec::new(), BTreeSet::new(), String::new());
    loop {
        let page = ListPostsRequest { page_token, ..request.clone() };
        let page = service.posts(BOB).list_posts(page).await.unwrap().into_inner();
        sizes.push(page.posts.len());
        ids.extend(page.posts.into_iter().map(|post| post.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!((sizes[0], ids.len()), (0, 4096), "a page ends after 5,000 posts of others: {sizes:?}");
    assert!(sizes.len() < 10, "{sizes:?}");
    // A user with few posts gets full pages at once.
    service.create(EDITOR, "c", "First post.").await.unwrap();
    let filter = Some(PostFilter { owner_id: "me".into(), ..PostFilter::default() });
    let request = ListPostsRequest { filter, order_by: "title".into(), ..ListPostsRequest::default() };
    let page = service.posts(EDITOR).list_posts(request).await.unwrap().into_inner();
    assert_eq!((page.posts.len(), page.next_page_token.as_str()), (1, ""));
}
