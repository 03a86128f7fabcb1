//! A second store on the database of a running service, as an operator's command opens it.

use blog_service::domain::PostView;
use blog_service::store::BlogStore;
use testkit::on_both_engines;

use crate::support::{Case, new_post};

async fn second_store_reads_beside_the_first(store: Case) {
    let beside = BlogStore::open_beside(&store.database.url).await.unwrap();
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    assert_eq!(beside.post(post.id, PostView::Full).await.unwrap().as_ref(), Some(&post));
    beside.close().await;
    assert_eq!(store.post(post.id, PostView::Full).await.unwrap(), Some(post), "the first one is still open");
}

on_both_engines!(crate::support::Case:
    second_store_reads_beside_the_first,
);
