//! Queue of the calls that wait for a connection: first in, first out, but last in, first out after a timeout.
//!
//! Above the server's capacity, the first call in the queue has nearly used up its wait. Its work would start late and
//! miss the call's deadline, and so would the work of each call after it. The last call still has all its time. So the
//! server does no useless work while calls wait, and the calls that cannot be served time out.

use std::collections::VecDeque;

use tokio::sync::oneshot::{self, Receiver, Sender};

/// Calls in the order of their arrival. Each access removes the calls that no longer wait.
#[derive(Debug)]
pub(super) struct CallQueue<T> {
    calls: VecDeque<Sender<T>>,
    /// Set from a call's timeout until the queue is empty.
    is_overloaded: bool,
}

impl<T> Default for CallQueue<T> {
    fn default() -> Self {
        Self { calls: VecDeque::new(), is_overloaded: false }
    }
}

impl<T> CallQueue<T> {
    /// Appends a call.
    pub(super) fn push(&mut self) -> Receiver<T> {
        self.len();
        let (call, coming) = oneshot::channel();
        self.calls.push_back(call);
        coming
    }

    /// Removes the call that is served next.
    pub(super) fn pop(&mut self) -> Option<Sender<T>> {
        self.len();
        let next = if self.is_overloaded { self.calls.pop_back() } else { self.calls.pop_front() };
        self.len();
        next
    }

    /// Removes all calls.
    pub(super) fn drain(&mut self) -> Vec<Sender<T>> {
        self.is_overloaded = false;
        self.calls.drain(..).collect()
    }

    /// Returns the number of waiting calls.
    pub(super) fn len(&mut self) -> usize {
        self.calls.retain(|call| !call.is_closed());
        if self.calls.is_empty() {
            self.is_overloaded = false;
        }
        self.calls.len()
    }

    /// Records that a call has reached its time limit.
    pub(super) fn timed_out(&mut self) {
        self.is_overloaded = self.len() > 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves the next call.
    fn serve(queue: &mut CallQueue<()>) {
        queue.pop().unwrap().send(()).unwrap();
    }

    fn is_served(call: &mut Receiver<()>) -> bool {
        call.try_recv().is_ok()
    }

    #[test]
    fn first_call_is_served_first() {
        let mut queue = CallQueue::default();
        let (mut first, mut second) = (queue.push(), queue.push());
        serve(&mut queue);
        assert!(is_served(&mut first) && !is_served(&mut second));
    }

    #[test]
    fn last_call_is_served_first_after_a_timeout() {
        let mut queue = CallQueue::default();
        let (late, mut second, mut third) = (queue.push(), queue.push(), queue.push());
        drop(late);
        queue.timed_out();
        serve(&mut queue);
        assert!(is_served(&mut third) && !is_served(&mut second));
        let mut fourth = queue.push();
        serve(&mut queue);
        assert!(is_served(&mut fourth) && !is_served(&mut second), "the queue has not been empty");
        serve(&mut queue);
        assert!(is_served(&mut second));
    }

    #[test]
    fn empty_queue_restores_the_order() {
        let mut queue = CallQueue::default();
        let (late, second) = (queue.push(), queue.push());
        drop(late);
        queue.timed_out();
        drop(second);
        let (mut first, mut second) = (queue.push(), queue.push());
        serve(&mut queue);
        assert!(is_served(&mut first) && !is_served(&mut second));
    }

    #[test]
    fn abandoned_calls_get_no_connection() {
        let mut queue = CallQueue::default();
        let (gone, mut waits) = (queue.push(), queue.push());
        drop(gone);
        serve(&mut queue);
        assert!(is_served(&mut waits));
        assert!(queue.pop().is_none());
    }
}
