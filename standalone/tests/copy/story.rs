//! Both services move from SQLite to PostgreSQL and back, and their users notice no difference.

use testkit::postgres::PostgresDatabase;

use super::copying::copies;
use super::known_data::{ADMIN, KnownData, Places, api_key, login, posts_by_key};
use super::pair::{folder, gatepost};
use super::service::{SEALED, Service, Which, command, file};

/// Both services on these databases.
struct Running {
    services: [Service; 2],
    places: Places,
}

impl Running {
    fn start(auth_url: &str, blog_url: &str, settings: &[(&str, &str)]) -> Self {
        let mut auth = Service::start_with(Which::Auth, auth_url, settings);
        let at = auth.serves();
        let mut blog =
            Service::spawn(command(Which::Blog, blog_url).args(["--auth-url", &format!("http://{at}")]), Vec::new());
        let places = Places { auth: at, blog: blog.serves() };
        Self { services: [auth, blog], places }
    }

    fn stop(self) {
        self.services.into_iter().for_each(Service::stop);
    }
}

async fn servers() -> Option<(PostgresDatabase, PostgresDatabase)> {
    Some((testkit::postgres::database().await?, testkit::postgres::database().await?))
}

/// Removes the checksums of the audit log and of API keys, because a running service changes their rows. It numbers
/// events, and stores the last use of each key.
fn unplaced(tables: Vec<String>) -> Vec<String> {
    let lines = tables.into_iter().map(|line| match line.rsplit_once(' ') {
        Some((rows, _)) if ["audit_", "api_keys "].iter().any(|table| line.starts_with(table)) => rows.to_owned(),
        _ => line,
    });
    lines.collect()
}

/// Tokens, sessions, pages and requests survive a move to PostgreSQL and back.
#[tokio::test(flavor = "multi_thread")]
async fn users_notice_no_difference_after_a_move() {
    let Some((auth, blog)) = servers().await else { return };
    let folder = folder();
    let at = |name: &str| file(&folder.path().join(name));
    let first = Running::start(&at("auth.db"), &at("blog.db"), &ADMIN);
    let (known, key) = (KnownData::create(&first.places).await, api_key(&first.places).await);
    first.stop();
    // One key signs and one waits: each start opens both.
    let rotated = gatepost().args(["keys", "rotate", "--database-url", &at("auth.db")]).output().unwrap();
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));

    let there = copies(&at("auth.db"), &auth.url, &SEALED);
    assert!(there.iter().any(|line| line.starts_with("signing_keys 2 ")), "{there:?}");
    let posts = copies(&at("blog.db"), &blog.url, &[]);
    assert!(posts.iter().any(|line| line.starts_with("posts 5 ")), "{posts:?}");
    let second = Running::start(&auth.url, &blog.url, &SEALED);
    known.check(&second.places).await;
    assert_eq!(posts_by_key(&second.places, &key).await, 2);
    second.stop();

    let again = copies(&auth.url, &at("back/auth.db"), &SEALED);
    assert_eq!(unplaced(again), unplaced(there), "each table has the same rows and the same checksum on either engine");
    assert_eq!(copies(&blog.url, &at("back/blog.db"), &[]), posts);
    let third = Running::start(&at("back/auth.db"), &at("back/blog.db"), &SEALED);
    known.check(&third.places).await;
    assert_eq!(posts_by_key(&third.places, &key).await, 2);
    login(&third.places).await;
    third.stop();

    // The sources are unchanged.
    let first = Running::start(&at("auth.db"), &at("blog.db"), &[]);
    known.check(&first.places).await;
    first.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn file_is_moved_to_another_with_its_key_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let at = |name: &str| file(&folder.path().join(name));
    let first = Running::start(&at("auth.db"), &at("blog.db"), &[]);
    let known = KnownData::create(&first.places).await;
    first.stop();
    let beside = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = beside();
    copies(&at("auth.db"), &at("new/auth.db"), &[]);
    copies(&at("blog.db"), &at("new/blog.db"), &[]);
    assert_eq!(beside(), before + 1, "next to the source there is only the new folder");
    for entry in std::fs::read_dir(folder.path().join("new")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
    let second = Running::start(&at("new/auth.db"), &at("new/blog.db"), &[]);
    known.check(&second.places).await;
    second.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn database_is_moved_from_server_to_server() {
    let Some((from, to)) = servers().await else { return };
    let mut auth = Service::start(Which::Auth, &from.url);
    let address = auth.serves();
    auth.stop();
    assert!(!address.is_empty());
    let tables = copies(&from.url, &to.url, &[]);
    assert!(tables.iter().any(|line| line.starts_with("signing_keys 1 ")), "{tables:?}");
    Service::start(Which::Auth, &to.url).serves();
}

#[tokio::test(flavor = "multi_thread")]
async fn log_of_a_killed_service_is_copied_and_stays() {
    let folder = folder();
    let at = |name: &str| file(&folder.path().join(name));
    let mut blog = Service::start(Which::Blog, &at("a.db"));
    blog.serves();
    drop(blog);
    let log = folder.path().join("a.db-wal");
    let left = std::fs::read(&log).unwrap();
    assert!(!left.is_empty(), "the killed service left a log");
    let tables = copies(&at("a.db"), &at("b.db"), &[]);
    assert!(tables.iter().any(|line| line.starts_with("secrets 2 ")), "{tables:?}");
    assert!(std::fs::read(&log).unwrap() == left, "the source is unchanged");
}

#[test]
fn each_table_is_named_once_on_standard_output() {
    let folder = folder();
    let at = |name: &str| file(&folder.path().join(name));
    let mut blog = Service::start(Which::Blog, &at("a.db"));
    blog.serves();
    blog.stop();
    let names: Vec<_> = copies(&at("a.db"), &at("b.db"), &[])
        .iter()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    // The key of page tokens, and a time for comparing the clock.
    assert_eq!(names, ["post_slugs 0", "post_tags 0", "tag_counts 0", "posts 0", "secrets 2", "requests 0"]);
}
