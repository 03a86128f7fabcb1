//! The calls that wait for a connection: the first goes first, or the last one does where a call has waited in vain.
//!
//! Above the server's capacity, the first call in the queue has nearly used up its wait. Its work would begin late and miss
//! the call's deadline, and so would that of each call after it. The last call has its whole time left. So all the work of
//! the server is of use while the queue stands, and the calls that cannot be served end by themselves.

use std::collections::VecDeque;

use tokio::sync::oneshot::{self, Receiver, Sender};

/// Calls in the order in which they came. Those that have gone are taken out by the next look.
#[derive(Debug)]
pub(super) struct Queue<T> {
    calls: VecDeque<Sender<T>>,
    /// Set from a call's wait in vain until the queue is empty.
    is_overloaded: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { calls: VecDeque::new(), is_overloaded: false }
    }
}

impl<T> Queue<T> {
    /// Puts a call at the end.
    pub(super) fn join(&mut self) -> Receiver<T> {
        self.len();
        let (call, coming) = oneshot::channel();
        self.calls.push_back(call);
        coming
    }

    /// Takes out the call that is served next.
    pub(super) fn next(&mut self) -> Option<Sender<T>> {
        self.len();
        let next = if self.is_overloaded { self.calls.pop_back() } else { self.calls.pop_front() };
        self.len();
        next
    }

    /// Takes all calls out.
    pub(super) fn all(&mut self) -> Vec<Sender<T>> {
        self.is_overloaded = false;
        self.calls.drain(..).collect()
    }

    /// Returns the number of calls that wait.
    pub(super) fn len(&mut self) -> usize {
        self.calls.retain(|call| !call.is_closed());
        if self.calls.is_empty() {
            self.is_overloaded = false;
        }
        self.calls.len()
    }

    /// Notes that a call has waited in vain for as long as it could.
    pub(super) fn timed_out(&mut self) {
        self.is_overloaded = self.len() > 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves the next call.
    fn serve(queue: &mut Queue<()>) {
        queue.next().unwrap().send(()).unwrap();
    }

    fn is_served(call: &mut Receiver<()>) -> bool {
        call.try_recv().is_ok()
    }

    #[test]
    fn first_call_is_served_first() {
        let mut queue = Queue::default();
        let (mut first, mut second) = (queue.join(), queue.join());
        serve(&mut queue);
        assert!(is_served(&mut first) && !is_served(&mut second));
    }

    #[test]
    fn last_call_is_served_first_once_one_has_timed_out() {
        let mut queue = Queue::default();
        let (late, mut second, mut third) = (queue.join(), queue.join(), queue.join());
        drop(late);
        queue.timed_out();
        serve(&mut queue);
        assert!(is_served(&mut third) && !is_served(&mut second));
        let mut fourth = queue.join();
        serve(&mut queue);
        assert!(is_served(&mut fourth) && !is_served(&mut second), "the queue has not been empty");
        serve(&mut queue);
        assert!(is_served(&mut second));
    }

    #[test]
    fn order_is_the_usual_one_once_the_queue_was_empty() {
        let mut queue = Queue::default();
        let (late, second) = (queue.join(), queue.join());
        drop(late);
        queue.timed_out();
        drop(second);
        let (mut first, mut second) = (queue.join(), queue.join());
        serve(&mut queue);
        assert!(is_served(&mut first) && !is_served(&mut second));
    }

    #[test]
    fn calls_that_have_gone_get_nothing() {
        let mut queue = Queue::default();
        let (gone, mut waits) = (queue.join(), queue.join());
        drop(gone);
        serve(&mut queue);
        assert!(is_served(&mut waits));
        assert!(queue.next().is_none());
    }
}
