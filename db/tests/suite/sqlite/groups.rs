//! Writes that share a commit, and the effect of one failure on its neighbors.

use db::{StoreError, TransactionOutcome, write};

use super::{commits, locked};
use crate::support::{Case, TransactionEnd, add_all, begun};

#[tokio::test]
async fn constraint_error_spares_its_neighbors() {
    let case = Case::sqlite().await;
    case.add(100, "taken").await.unwrap();
    let before = commits(case.database.path());
    let outsider = locked(&case).await;
    let db = || case.db.clone();
    let ones = [(1, "a"), (2, "taken"), (3, "bad"), (100, "b"), (4, "c")];
    let mut ones: Vec<_> = ones.into_iter().map(|(id, text)| Box::pin(case.add(id, text))).collect();
    let several: [(Vec<_>, TransactionEnd); 3] = [
        (vec![(5, "d"), (6, "taken")], TransactionOutcome::Commit),
        (vec![(7, "e"), (8, "f")], TransactionOutcome::Undo),
        (vec![(9, "g"), (10, "h")], TransactionOutcome::Commit),
    ];
    let mut several: Vec<_> = several.iter().map(|(notes, outcome)| Box::pin(add_all(db(), notes, *outcome))).collect();
    for one in &mut ones {
        begun(one).await;
    }
    for one in &mut several {
        begun(one).await;
    }
    outsider.close().await;

    let mut ended = Vec::new();
    for one in ones {
        ended.push(one.await.map(drop));
    }
    for one in several {
        ended.push(one.await);
    }
    assert!(ended.len() == 8 && [0, 4, 6, 7].iter().all(|number| ended[*number].is_ok()), "{ended:?}");
    assert!([1, 3, 5].iter().all(|number| matches!(ended[*number], Err(StoreError::Taken(_)))), "{ended:?}");
    assert!(matches!(ended[2], Err(StoreError::Fault(_))), "{ended:?}");
    assert_eq!(case.notes().await, [1, 4, 9, 10, 100]);
    assert_eq!(commits(case.database.path()) - before, 1, "they shared one commit");
}

#[tokio::test]
async fn other_error_fails_the_group_and_no_later_write() {
    const NOWHERE: &str = "insert into nowhere (id) values (1)";
    let case = Case::sqlite().await;
    case.add(100, "before").await.unwrap();
    let outsider = locked(&case).await;
    let db = case.db.clone();
    let (mut first, mut last) = (Box::pin(case.add(1, "a")), Box::pin(case.add(2, "b")));
    let mut broken = Box::pin(async move { write!(db, sqlx::query(NOWHERE)) });
    begun(&mut first).await;
    begun(&mut broken).await;
    begun(&mut last).await;
    outsider.close().await;
    let (first, broken, last) = (first.await, broken.await, last.await);
    assert!(matches!(broken, Err(StoreError::Fault(_))), "{broken:?}");
    for neighbor in [first, last] {
        assert!(matches!(neighbor, Err(StoreError::Unavailable(_))), "the write can be repeated: {neighbor:?}");
    }
    assert_eq!(case.notes().await, [100], "nothing of the group is written");
    case.add(1, "a").await.unwrap();
    assert_eq!(case.notes().await, [1, 100]);
}

#[tokio::test]
async fn lasting_lock_fails_the_group_in_time() {
    let case = Case::sqlite().await;
    let outsider = locked(&case).await;
    let (first, second) = tokio::join!(case.add(1, "a"), case.add(2, "b"));
    for refused in [first, second] {
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    outsider.close().await;
    case.add(1, "a").await.unwrap();
    assert_eq!(case.notes().await, [1]);
}
