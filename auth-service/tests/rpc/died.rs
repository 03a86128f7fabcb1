//! A background task that dies ends the service with its reason.

use auth_service::AuthRunError;
use chrono::{DateTime, Utc};

use super::support::start;

#[tokio::test(flavor = "multi_thread")]
async fn panic_of_a_background_task_ends_the_service() {
    let service = start().await;
    service.register("ada@example.com").await.unwrap();
    // At the end of time the sweep's next second overflows, which panics.
    service.clock.jump(DateTime::<Utc>::MAX_UTC - service.clock.now());
    let ended = service.ended().await.unwrap_err();
    assert!(matches!(ended, AuthRunError::Task(_)), "{ended:?}");
    let reason = ended.to_string();
    assert!(
        reason.starts_with("the background task `sweep` has panicked (") && reason.contains("overflow"),
        "{reason}"
    );
}
