//! The trace of the call that a task serves.

use super::TraceParent;

tokio::task_local! {
    static CURRENT: Option<TraceParent>;
}

/// Returns the work of a call as a part of this trace. Without one the work stays in the current trace.
pub fn within<F: Future>(trace: Option<TraceParent>, work: F) -> impl Future<Output = F::Output> {
    // Not an async function, which would hold the work twice.
    CURRENT.scope(trace.or_else(current), work)
}

/// Returns the parent span of this task's requests; `None` outside of a trace.
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

    #[test]
    fn trace_adds_little_to_the_size_of_the_work() {
        let large = async {
            let bytes = std::hint::black_box([0_u8; 4096]);
            std::future::pending::<()>().await;
            std::hint::black_box(bytes);
        };
        let size = size_of_val(&large);
        assert!(size_of_val(&within(None, large)) < size + 100);
    }
}
