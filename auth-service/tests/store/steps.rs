//! Migrations in steps on a PostgreSQL with rows: their result equals that of the files.

use std::path::Path;

use auth_service::store::AuthStore;
use sqlx::migrate::Migrator;
use testkit::postgres::PostgresDatabase;

/// Rows of the first version, more than one batch.
const ROWS: &str = "
insert into users (id, name, email, email_key, password_hash, roles, state, generation, sessions_since, revision,
        create_time, update_time)
    select gen_random_uuid(), 'u', 'u' || n, 'u' || n, '-', case when n % 2 = 0 then 'admin editor' else '' end,
        case when n % 3 = 0 then 'disabled' else 'active' end,
        1, 1, 1, now(), now() from generate_series(1, 4100) n;
insert into sessions (id, user_id, generation, create_time, expire_time)
    select gen_random_uuid(), id, 1, now(), '2926-01-01' from users;
";

/// All values derived from rows.
const DERIVED: [&str; 4] = [
    "select count(*)::text from sessions where over_time = expire_time and idle_expire_time = expire_time",
    "select role || ' ' || count(*) from user_roles group by role order by 1",
    "select r.state || ' ' || count(*) from user_roles r join users u on u.id = r.user_id and u.state = r.state group by r.state \
     order by 1",
    "select count(*)::text from pg_index where not indisvalid",
];

async fn migrate(database: &PostgresDatabase, last: i64) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let all = Migrator::new(folder).await.unwrap();
    all.run_direct(Some(last), &mut database.connect().await, false).await.unwrap();
}

#[tokio::test]
async fn migration_in_steps_equals_the_files() {
    let Some(by_files) = testkit::postgres::database().await else { return };
    let Some(by_steps) = testkit::postgres::database().await else { return };
    // An empty database gets the files.
    migrate(&by_steps, 1).await;
    by_steps.run(ROWS).await;
    for database in [&by_files, &by_steps] {
        AuthStore::open(&database.url.parse().unwrap()).await.unwrap().close().await;
    }
    let (files, steps) = (by_files.schema().await, by_steps.schema().await);
    for line in &files {
        assert!(steps.contains(line), "the steps do not create: {line}");
    }
    assert_eq!(files.len(), steps.len(), "the steps create more than the files");
    assert_eq!(
        by_steps.texts(&DERIVED).await,
        ["4100", "admin 2050", "editor 2050", "active 2734", "disabled 1366", "0"]
    );
    let note = "select coalesce(obj_description('_sqlx_migrations'::regclass), 'none')";
    assert_eq!(by_steps.texts(&[note]).await, ["none"], "no note remains");
}

#[tokio::test]
async fn index_left_by_a_kill_is_created_again() {
    let Some(database) = testkit::postgres::database().await else { return };
    migrate(&database, 7).await;
    // A unique index on a column with duplicates fails, and is left invalid.
    database
        .run(
            "insert into users (id, name, email, email_key, password_hash, roles, state, generation, \
        sessions_since, revision, create_time, update_time) \
        select gen_random_uuid(), 'u', 'u' || n, 'u' || n, '-', '', 'active', 1, 1, 1, now(), now() \
        from generate_series(1, 2) n; \
        insert into sessions (id, user_id, generation, create_time, expire_time) \
        select gen_random_uuid(), id, 1, now(), '2926-01-01' from users",
        )
        .await;
    let mut connection = database.connect().await;
    let broken = "create unique index concurrently sessions_by_network on sessions (network)";
    sqlx::raw_sql(broken).execute(&mut connection).await.unwrap_err();
    AuthStore::open(&database.url.parse().unwrap()).await.unwrap().close().await;
    let made = "select indexdef from pg_indexes where indexname = 'sessions_by_network'";
    let made = database.texts(&[made]).await;
    assert!(made.len() == 1 && made[0].starts_with("CREATE INDEX"), "{made:?}");
    assert_eq!(database.texts(&DERIVED[3..]).await, ["0"]);
}
