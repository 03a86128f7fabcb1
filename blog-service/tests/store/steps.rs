//! The migration in steps on a PostgreSQL with rows: its result equals that of the file.

use std::path::Path;

use blog_service::domain::{PostState, PostView};
use blog_service::store::BlogStore;
use sqlx::migrate::Migrator;

/// Rows of the last version without steps.
const ROWS: &str = "insert into posts (id, owner_id, title, revision, create_time, update_time, content) \
     select gen_random_uuid(), gen_random_uuid(), 'Post ' || n, 1, now(), now(), 'Text.' from generate_series(1, 50) n";

#[tokio::test]
async fn migration_in_steps_equals_the_file() {
    let Some(by_file) = testkit::postgres::database().await else { return };
    let Some(by_steps) = testkit::postgres::database().await else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let all = Migrator::new(folder).await.unwrap();
    all.run_direct(Some(2), &mut by_steps.connect().await, false).await.unwrap();
    by_steps.run(ROWS).await;
    // An empty database gets the file.
    BlogStore::open(&by_file.url.parse().unwrap(), 0).await.unwrap().close().await;
    let store = BlogStore::open(&by_steps.url.parse().unwrap(), 0).await.unwrap();
    let posts = store.list_posts(None, 99, PostView::Full).await.unwrap();
    store.close().await;
    assert_eq!(posts.len(), 50);
    for post in posts {
        assert_eq!((post.slug, post.state), (post.id.to_string(), PostState::Published));
        assert_eq!(post.publish_time, Some(post.create_time));
    }
    assert_eq!(by_steps.schema().await, by_file.schema().await);
}
