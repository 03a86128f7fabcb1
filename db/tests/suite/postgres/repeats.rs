//! Repeats of whole writes, as the server asks for them (40001, 40P01).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use db::{Db, StoreError, TransactionOutcome, transaction, within, write, write_one};
use sqlx::Row as _;
use tokio::sync::Barrier;

use crate::support::{ADD, Case, add};

/// Refuses the first two notes with the text `again` like a serialization failure. A sequence counts them, since no
/// rollback resets it.
const REFUSE_TWICE: &str = "create sequence tries;
    create function refuse_twice() returns trigger language plpgsql as $$ begin
        if nextval('tries') <= 2 then raise exception 'again' using errcode = '40001'; end if;
        return new;
    end $$;
    create trigger refuse_twice before insert on notes for each row
        when (new.text = 'again') execute function refuse_twice()";

async fn tries(case: &Case) -> i64 {
    let row = sqlx::query("select last_value from tries").fetch_one(&mut case.database.server().connect().await).await;
    row.unwrap().get(0)
}

#[tokio::test]
async fn transaction_is_repeated_whole() {
    let Some(case) = Case::postgres().await else { return };
    case.database.server().run(REFUSE_TWICE).await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let work = transaction!(case.db, async move |mut tx| {
        let run = counted.fetch_add(1, Ordering::Relaxed) + 1;
        within!(tx, sqlx::query(ADD).bind(1).bind(format!("run {run}")))?;
        within!(tx, sqlx::query(ADD).bind(2).bind("again"))?;
        Ok(TransactionOutcome::Commit(run))
    });
    assert_eq!(work.unwrap(), 3);
    assert_eq!((runs.load(Ordering::Relaxed), tries(&case).await), (3, 3));
    assert_eq!(case.notes().await, [1, 2], "the work before the refusal is repeated");
}

#[tokio::test]
async fn single_statement_is_repeated() {
    const RETURNING: &str = "insert into notes (id, text) values ($1, $2) returning id";
    for returns in [false, true] {
        let Some(case) = Case::postgres().await else { return };
        case.database.server().run(REFUSE_TWICE).await;
        if returns {
            let row: Option<(i32,)> = write_one!(case.db, sqlx::query_as(RETURNING).bind(1).bind("again")).unwrap();
            assert_eq!(row, Some((1,)));
        } else {
            assert_eq!(write!(case.db, sqlx::query(ADD).bind(1).bind("again")).unwrap(), 1);
        }
        assert_eq!((tries(&case).await, case.notes().await), (3, vec![1]));
    }
}

#[tokio::test]
async fn endless_retry_requests_end_in_time() {
    let Some(case) = Case::postgres().await else { return };
    case.database.server().run(&REFUSE_TWICE.replace("<= 2", "> 0")).await;
    let refused = case.add(1, "again").await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(tries(&case).await > 2);
    assert!(case.notes().await.is_empty());
}

/// Marks two notes, one after the other. In the first run, waits between the two until the other transaction has marked
/// the second note.
async fn mark(db: Db, order: [i32; 2], mark: &'static str, rivals: Arc<Rivals>) {
    const MARK: &str = "update notes set text = text || $2 where id = $1";
    let work = transaction!(db, async move |mut tx| {
        let run = rivals.runs.fetch_add(1, Ordering::Relaxed);
        within!(tx, sqlx::query(rivals.set_timeout))?;
        within!(tx, sqlx::query(MARK).bind(order[0]).bind(mark))?;
        if run < 2 {
            rivals.meet.wait().await;
        }
        within!(tx, sqlx::query(MARK).bind(order[1]).bind(mark))?;
        Ok(TransactionOutcome::Commit(()))
    });
    work.unwrap();
}

/// Two transactions that block each other.
struct Rivals {
    /// Statement that sets the server's pause before its search for deadlocks.
    set_timeout: &'static str,
    meet: Barrier,
    runs: AtomicU32,
}

/// Runs both transactions until both have succeeded, and returns the number of runs.
async fn runs_of_rivals(case: &Case, set_timeout: &'static str) -> u32 {
    case.add(1, "one ").await.unwrap();
    add(case.db.clone(), 2, "two ".into()).await.unwrap();
    let rivals = Arc::new(Rivals { set_timeout, meet: Barrier::new(2), runs: AtomicU32::new(0) });
    tokio::join!(
        mark(case.db.clone(), [1, 2], "a", Arc::clone(&rivals)),
        mark(case.db.clone(), [2, 1], "b", Arc::clone(&rivals)),
    );
    let mut outside = case.database.server().connect().await;
    let texts: Vec<String> =
        sqlx::query_scalar("select text from notes order by id").fetch_all(&mut outside).await.unwrap();
    for (text, begins) in texts.iter().zip(["one ", "two "]) {
        assert!([format!("{begins}ab"), format!("{begins}ba")].contains(text), "{text}");
    }
    rivals.runs.load(Ordering::Relaxed)
}

#[tokio::test]
async fn deadlocked_transactions_both_succeed() {
    let Some(case) = Case::postgres().await else { return };
    let runs = runs_of_rivals(&case, "set local deadlock_timeout = '50ms'").await;
    assert_eq!(runs, 3, "the victim of the deadlock ran again");
}

#[tokio::test]
async fn deadlock_without_detection_ends_by_timeout() {
    let Some(case) = Case::postgres().await else { return };
    let runs = runs_of_rivals(&case, "set local deadlock_timeout = '1h'").await;
    assert!(runs > 2, "the lock timeout ended at least one run");
}
