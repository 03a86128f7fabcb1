//! `bench writes`: compares commits in groups on SQLite with one commit for each write. Both run on this machine's disk
//! and on a disk with slower syncs.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use db::Sqlite;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Executor as _};
use testkit::disk::Disk;
use tokio::task::JoinSet;

use bench::Failure;

/// Length and number of the rounds of each row. The row shows the median.
const ROUND_TIME: Duration = Duration::from_secs(2);
const ROUNDS_PER_ROW: usize = 5;

/// Number of writers at once.
const CONCURRENT_WRITERS: usize = 64;

/// Additional time of each sync on the slow disk.
const SLOW_SYNC_DELAY: Duration = Duration::from_millis(2);

const CREATE_TABLE_SQL: &str = "create table if not exists posts (id blob primary key not null, title text not null, content text not null) strict";
const INSERT_SQL: &str = "insert into posts (id, title, content) values ($1, $2, $3)";

#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(crate) async fn run() -> Result<(), Failure> {
    bench::machine::print("cargo run --release -p bench -- writes");
    println!("\nthis machine's disk");
    measure().await?;
    println!("\na disk whose sync takes {} ms longer", SLOW_SYNC_DELAY.as_millis());
    // Runs as a process of its own: a library loaded before libc is active from the start.
    let folder = tempfile::tempdir()?;
    let mut again = Command::new(std::env::current_exe()?);
    again.args(["writes", "--on-this-disk"]).env("TMPDIR", folder.path());
    let ended = Disk::for_path(folder.path()).slow_sync(SLOW_SYNC_DELAY).apply(&mut again).status()?;
    if ended.success() { Ok(()) } else { Err("the run on the slow disk has failed".into()) }
}

/// Prints the rows of one disk.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(crate) async fn measure() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    println!("{:<44}{:>10.0} /s", "fdatasync after 4 KiB", syncs(folder.path())?);
    let [mut bare, mut pooled, mut alone, mut each, mut many] = [const { Vec::new() }; 5];
    // The rows take turns, so that other work on the machine affects all of them.
    for round in 0..ROUNDS_PER_ROW {
        let place = |name: &str| folder.path().join(format!("{name}-{round}.db"));
        bare.push(driver_alone(&place("bare")).await?);
        pooled.push(by_pool(&place("pooled")).await?);
        alone.push(writers(&place("alone"), 1, None).await?);
        each.push(writers(&place("each"), CONCURRENT_WRITERS, Some(1)).await?);
        many.push(writers(&place("many"), CONCURRENT_WRITERS, None).await?);
    }
    let [bare, pooled, alone, each, many] = [bare, pooled, alone, each, many].map(median);
    println!("{:<44}{bare:>10.0} /s", "1 writer, the driver alone, a commit each");
    println!("{:<44}{pooled:>10.0} /s  {:.2} x", "1 writer, the driver's pool, a commit each", pooled / bare);
    let (beside, target) = (alone / pooled, "target >= 1");
    println!("{:<44}{alone:>10.0} /s  {:.2} x; {beside:.2} x the pool's, {target}", "1 writer, groups", alone / bare);
    println!("{:<44}{each:>10.0} /s  {:.2} x", format!("{CONCURRENT_WRITERS} writers, a commit each"), each / bare);
    println!(
        "{:<44}{many:>10.0} /s  {:.2} x, target >= 3 (slow: 5)",
        format!("{CONCURRENT_WRITERS} writers, groups"),
        many / bare
    );
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Returns syncs per second of a growing file.
fn syncs(folder: &Path) -> Result<f64, Failure> {
    let mut file = File::create(folder.join("syncs"))?;
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < ROUND_TIME {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
}

/// Returns acknowledged writes per second of one task, like a service without groups. The task takes the only
/// connection from the driver's pool for each write.
async fn by_pool(path: &Path) -> Result<f64, Failure> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options(path)).await?;
    pool.execute(CREATE_TABLE_SQL).await?;
    let writing = pool.clone();
    let written = tokio::spawn(async move {
        let (began, mut count) = (Instant::now(), 0_usize);
        while began.elapsed() < ROUND_TIME {
            let mut transaction = writing.begin_with("begin immediate").await?;
            transaction.execute(post(count)).await?;
            transaction.commit().await?;
            count += 1;
        }
        rate(count, began)
    });
    let rate = written.await?;
    pool.close().await;
    rate
}

/// Returns acknowledged writes per second of one connection that commits each.
async fn driver_alone(path: &Path) -> Result<f64, Failure> {
    let mut connection: SqliteConnection = options(path).connect().await?;
    connection.execute(CREATE_TABLE_SQL).await?;
    let (began, mut count) = (Instant::now(), 0_usize);
    while began.elapsed() < ROUND_TIME {
        connection.execute("begin immediate").await?;
        connection.execute(post(count)).await?;
        connection.execute("commit").await?;
        count += 1;
    }
    rate(count, began)
}

/// Returns acknowledged writes per second of this many writers at once.
async fn writers(path: &Path, writers: usize, group: Option<usize>) -> Result<f64, Failure> {
    let migrations = Migrator::with_migrations(Vec::new());
    let db = match group {
        Some(group) => Sqlite::open_with(path, &migrations, group).await?,
        None => Sqlite::open(path, &migrations).await?,
    };
    db.write(sqlx::query(CREATE_TABLE_SQL), None).await?;
    let (began, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut all = JoinSet::new();
    for _ in 0..writers {
        let (db, next) = (db.clone(), Arc::clone(&next));
        all.spawn(async move {
            let mut count = 0_usize;
            while began.elapsed() < ROUND_TIME {
                db.write(post(next.fetch_add(1, Ordering::Relaxed)), None).await?;
                count += 1;
            }
            Ok::<_, Failure>(count)
        });
    }
    let mut count = 0;
    while let Some(written) = all.join_next().await {
        count += written??;
    }
    let rate = rate(count, began);
    db.close().await;
    rate
}

type InsertStatement = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// Returns a post of a thousand letters, with an increasing id.
fn post(number: usize) -> InsertStatement {
    sqlx::query(INSERT_SQL).bind((number as u128).to_be_bytes().to_vec()).bind("Hello").bind("x".repeat(1000))
}

fn rate(count: usize, began: Instant) -> Result<f64, Failure> {
    Ok(f64::from(u32::try_from(count)?) / began.elapsed().as_secs_f64())
}
