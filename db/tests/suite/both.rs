//! Properties that hold on both engines.

use db::{FileRow, FileRowError, ReadRow, SqlStatement, StoreError, TransactionOutcome, read, write, write_one};
use sqlx::FromRow;
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

#[derive(FromRow, Debug, PartialEq)]
struct Note {
    id: i32,
    text: String,
}

impl ReadRow for Note {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self { id: row.get("id")?, text: row.get("text")? })
    }
}

async fn selected_rows_have_their_values(case: Case) {
    // The first value is used after the second one, and twice.
    const SQL: &str = "select id, $2 || text as text from notes where id >= $1 and id < $1 + 2 order by id";
    for (id, text) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        case.add(id, text).await.unwrap();
    }
    for prefix in ["'", ""] {
        let rows: Vec<Note> = case.db.select(SqlStatement::new(SQL).bind(2_i64).bind(prefix)).await.unwrap();
        let expected = [(2, "b"), (3, "c")].map(|(id, text)| Note { id, text: format!("{prefix}{text}") });
        assert_eq!(rows, expected);
    }
}

async fn select_cannot_write_and_reports_faults(case: Case) {
    const INSERT: &str = "insert into notes (id, text) values (1, 'a') returning id, text";
    const NOWHERE: &str = "select id, text from nowhere";
    const OTHER: &str = "select id from notes";
    let written = case.db.select::<Note>(SqlStatement::new(INSERT)).await;
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    case.add(2, "b").await.unwrap();
    for sql in [NOWHERE, OTHER] {
        let refused = case.db.select::<Note>(SqlStatement::new(sql)).await;
        assert!(matches!(refused, Err(StoreError::Fault(_))), "{refused:?}");
    }
    assert_eq!(case.notes().await, [2]);
}

async fn closed_database_refuses_calls(case: Case) {
    const SQL: &str = "select id, text from notes";
    assert!(case.db.select::<Note>(SqlStatement::new(SQL)).await.unwrap().is_empty());
    case.db.close().await;
    let late = case.add(1, "a").await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    let late = case.db.select::<Note>(SqlStatement::new(SQL)).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    assert!(case.reopened().await.notes().await.is_empty());
}

on_both_engines!(crate::support::Case:
    each_statement_form_writes_and_answers,
    rolled_back_writes_vanish,
    constraint_error_is_classified_and_leaves_nothing,
    reader_cannot_write,
    selected_rows_have_their_values,
    select_cannot_write_and_reports_faults,
    closed_database_refuses_calls,
);
