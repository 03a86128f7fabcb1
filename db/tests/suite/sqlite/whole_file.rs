//! A start while another program has locked the whole file.

use db::DatabaseUrl;
use testkit::Outsider;

use crate::support::open;

#[tokio::test]
async fn file_that_stays_locked_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut outsider = Outsider::open(file.path()).await;
    outsider.run("pragma journal_mode = wal").await;
    outsider.run("pragma locking_mode = exclusive").await;
    outsider.run("create table t (n integer)").await;
    let name = file.path().display();
    let url = format!("sqlite://{name}").parse::<DatabaseUrl>().unwrap();
    let error = open(&url).await.map(drop).unwrap_err();
    let text = format!("{name} is locked by another program: end that program, then start again");
    assert_eq!(error.to_string(), text);
    outsider.close().await;
}
