//! Properties that hold on both engines.

use db::{StoreError, TransactionOutcome, read, write, write_one};
use testkit::on_both_engines;

use crate::support::{ADD, Case, add_all};

async fn each_statement_form_writes_and_answers(case: Case) {
    const RETURNING: &str = "insert into notes (id, text) values ($1, $2) on conflict (text) do nothing returning id";
    const ALL: &str = "update notes set text = text || '!'";
    assert_eq!(case.add(1, "a").await.unwrap(), 1);
    for (id, found) in [(2, Some(2)), (3, None)] {
        let written: Option<(i32,)> = write_one!(case.db, sqlx::query_as(RETURNING).bind(id).bind("b")).unwrap();
        assert_eq!(written.map(|(id,)| id), found, "text that exists already");
    }
    assert_eq!(write!(case.db, sqlx::query(ALL)).unwrap(), 2);
    add_all(case.db.clone(), &[(4, "c"), (5, "d")], TransactionOutcome::Commit).await.unwrap();
    assert_eq!(case.notes().await, [1, 2, 4, 5]);
}

async fn rolled_back_writes_vanish(case: Case) {
    add_all(case.db.clone(), &[(1, "a"), (2, "b")], TransactionOutcome::Undo).await.unwrap();
    assert!(case.notes().await.is_empty());
    case.add(1, "a").await.unwrap();
}

async fn constraint_error_is_classified_and_leaves_nothing(case: Case) {
    case.add(1, "a").await.unwrap();
    let taken = add_all(case.db.clone(), &[(2, "b"), (3, "a")], TransactionOutcome::Commit).await;
    assert!(matches!(taken, Err(StoreError::Taken(_))), "{taken:?}");
    let bad = add_all(case.db.clone(), &[(2, "b"), (3, "bad")], TransactionOutcome::Commit).await;
    assert!(matches!(bad, Err(StoreError::Fault(_))), "{bad:?}");
    assert_eq!(case.notes().await, [1]);
}

async fn reader_cannot_write(case: Case) {
    let written: Result<Vec<i32>, StoreError> =
        read!(case.db, |reader| sqlx::query_scalar(ADD).bind(1).bind("a").fetch_all(reader));
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    assert!(case.notes().await.is_empty());
}

async fn closed_database_refuses_writes(case: Case) {
    case.db.close().await;
    let late = case.add(1, "a").await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    assert!(case.reopened().await.notes().await.is_empty());
}

on_both_engines!(crate::support::Case:
    each_statement_form_writes_and_answers,
    rolled_back_writes_vanish,
    constraint_error_is_classified_and_leaves_nothing,
    reader_cannot_write,
    closed_database_refuses_writes,
);
