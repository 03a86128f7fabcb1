//! The trace of the call that a task serves.

use super::TraceParent;

tokio::task_local! {
    static CURRENT: Option<TraceParent>;
}

/// Runs the work of a call as a part of this trace. Without one the work stays in the current trace.
pub async fn within<F: Future>(trace: Option<TraceParent>, work: F) -> F::Output {
    CURRENT.scope(trace.or_else(current), work).await
}

/// Returns the span whose children the requests of this task are; `None` outside of a trace.
pub fn current() -> Option<TraceParent> {
    CURRENT.try_with(|trace| *trace).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn inner_work_has_the_inner_trace() {
        let (outer, inner) = (TraceParent::root(), TraceParent::root());
        assert_eq!(current(), None);
        within(Some(outer), async {
            assert_eq!(current(), Some(outer));
            assert_eq!(within(Some(inner), async { current() }).await, Some(inner));
            assert_eq!(within(None, async { current() }).await, Some(outer));
        })
        .await;
        assert_eq!(current(), None);
    }
}
