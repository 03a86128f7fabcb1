//! Posts of the version without HTML, after the migration: nothing is lost, and reads know that the HTML is missing.

use std::path::Path;

use blog_service::domain::{Post, PostChange, PostId, PostState, PostView, Rendering, Slug, Tag, Tags};
use blog_service::store::BlogStore;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use testkit::{TestDatabase, start};

/// The last migration without HTML.
const LAST: i64 = 3;

/// A published post, a draft without a slug of its own, and a scheduled post.
const ROWS: &str = "insert into posts (id, owner_id, title, revision, create_time, update_time, slug, state, \
     publish_time, content) values (ID1, ID9, 'One', 7, TIME, TIME, 'one', 'published', TIME, '*First* post.'), \
     (ID2, ID9, 'Two', 1, TIME, TIME, null, 'draft', null, 'Second.'), \
     (ID3, ID9, 'Three', 2, TIME, TIME, 'three', 'scheduled', TIME, 'Third.')";

async fn migrations(engine: &str) -> Migrator {
    Migrator::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine)).await.unwrap()
}

/// Returns the statement with this engine's literals.
fn rows(id: impl Fn(&str) -> String, time: &str) -> String {
    ["1", "2", "3", "9"].iter().fold(ROWS.replace("TIME", time), |sql, digit| {
        sql.replace(&format!("ID{digit}"), &id(&format!("{digit:0>32}")))
    })
}

#[tokio::test]
async fn old_posts_of_a_file_are_kept() {
    let database = TestDatabase::sqlite();
    let options = SqliteConnectOptions::new().filename(database.path()).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    migrations("sqlite").await.run_direct(Some(LAST), &mut connection, false).await.unwrap();
    connection.close().await.unwrap();
    database.run(&rows(|id| format!("x'{id}'"), "'2026-01-01T00:00:00+00:00'")).await;
    kept(&format!("sqlite:{}", database.path().display())).await;
}

#[tokio::test]
async fn old_posts_of_a_server_are_kept() {
    let Some(database) = TestDatabase::postgres().await else { return };
    migrations("postgres").await.run_direct(Some(LAST), &mut database.server().connect().await, false).await.unwrap();
    database.run(&rows(|id| format!("'{id}'::uuid"), "'2026-01-01T00:00:00+00:00'")).await;
    kept(&database.server().url).await;
}

/// Checks the posts after the migration.
async fn kept(url: &str) {
    let store = BlogStore::open(&url.parse().unwrap(), 0).await.unwrap();
    let post = async |id, view| store.post(PostId::from_u128(id), view).await.unwrap().unwrap();
    let one = post(1, PostView::Full).await;
    assert_eq!((one.title.as_str(), one.content.as_str(), one.revision), ("One", "*First* post.", 7));
    assert_eq!((one.slug.as_str(), one.state, one.publish_time), ("one", PostState::Published, Some(one.create_time)));
    let texts = [&one.content_html, one.excerpt(), &one.cover_image_url, &one.language_code, one.tags.as_str()];
    assert_eq!((one.is_rendered, texts), (false, [""; 5]));
    let (two, three) = (post(2, PostView::Full).await, post(3, PostView::Full).await);
    assert_eq!((two.slug, two.state, two.publish_time), (PostId::from_u128(2).to_string(), PostState::Draft, None));
    assert_eq!((three.state, three.publish_time), (PostState::Scheduled, Some(three.create_time)));
    // A slug of an old post stays taken.
    let slug = Slug::parse("one".into()).unwrap();
    assert_eq!(store.id_of_slug(&slug).await.unwrap(), Some(one.id));
    let change = PostChange { slug: Some(slug), ..PostChange::default() };
    assert!(store.update_post(two.id, change, None, start()).await.unwrap().is_err());
    // The first read renders an old post, and its tags count from then on like those of a new one.
    let rendering = Rendering::from_markdown(&one.content).unwrap();
    assert!(store.keep_rendering(one.id, 7, &rendering).await.unwrap());
    let rendered = Post { is_rendered: true, ..one.clone() }.with_rendering(rendering);
    assert_eq!(post(1, PostView::Full).await, rendered);
    let tags = Tags::join(&[Tag::parse("old").unwrap()]).unwrap();
    let change = PostChange { tags: Some(tags), ..PostChange::default() };
    store.update_post(one.id, change, Some(7), start()).await.unwrap().unwrap();
    assert_eq!(store.list_tags(None, 9).await.unwrap().len(), 1);
    assert_eq!(store.publish_due_posts(start()).await.unwrap().count, 1);
    store.close().await;
}
