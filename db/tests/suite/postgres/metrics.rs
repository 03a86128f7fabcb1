//! Metrics of the pools of a server's database.

use db::{Db, read};

use crate::metrics::page;
use crate::support::Case;

#[tokio::test]
async fn call_without_a_connection_in_time_is_counted() {
    const SQL: &str = "select id from notes";
    const USED: &str = r#"gatepost_database_connections{pool="read",state="used"}"#;
    const TIMEOUTS: &str = r#"gatepost_database_wait_timeouts_total{pool="read"}"#;
    let Some(case) = Case::postgres().await else { return };
    let Db::Postgres(server) = &case.db else { panic!("a server") };
    let mut held = Vec::new();
    for _ in 0..page(&case).count(r#"gatepost_database_connections_limit{pool="read"}"#) {
        held.push(server.lease_reader().await.unwrap());
    }
    assert_eq!((page(&case).count(USED), page(&case).count(TIMEOUTS)), (8, 0));
    let refused: Result<Vec<i32>, _> = read!(case.db, |reader| sqlx::query_scalar(SQL).fetch_all(reader));
    refused.unwrap_err();
    assert!(page(&case).count(TIMEOUTS) >= 1);
    for lease in held {
        lease.end(Ok(())).unwrap();
    }
    assert_eq!(page(&case).count(USED), 0);
}
