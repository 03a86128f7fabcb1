//! Tests of the budget.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use super::budget::{Budget, Reservation};
use super::state::MemoryLimits;

const LIMITS: MemoryLimits = MemoryLimits { process: 1000, small: 10, connection_small: 30, connection_large: 400 };

fn waits(reservation: Pin<&mut impl Future<Output = Option<Reservation>>>) -> bool {
    reservation.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[tokio::test]
async fn connection_and_process_have_limits() {
    let budget = Budget::new(LIMITS);
    let (one, two) = (budget.open_account(), budget.open_account());
    let small: Vec<_> = (0..3).map(|_| one.try_reserve(10).unwrap()).collect();
    assert!(one.try_reserve(1).is_none(), "the connection has no bytes left for small ones");
    let large = one.try_reserve(450).expect("one large reservation is always possible");
    assert!(one.try_reserve(11).is_none(), "a second large one does not fit");
    assert!(two.try_reserve(100).is_none(), "large ones leave half of the process's bytes");
    assert!(two.try_reserve(10).is_some(), "half of the bytes are for small ones");
    drop((small, large));
    assert_eq!((budget.held(), one.held()), (0, 0));
}

#[tokio::test]
async fn connections_take_turns_and_offenders_come_last() {
    let budget = Budget::new(LIMITS);
    let [holder, offender, other] = [(); 3].map(|()| budget.open_account());
    let held = holder.try_reserve(450).unwrap();
    assert_eq!((offender.offend(), offender.offend()), (1, 2));
    let mut last = pin!(offender.reserve(200));
    let mut next = pin!(other.reserve(200));
    let mut after = pin!(other.reserve(250));
    assert!(waits(last.as_mut()));
    assert!(!holder.is_pressed(), "a waiting offender does not shorten the time of others");
    assert!(waits(next.as_mut()) && waits(after.as_mut()));
    assert!(holder.is_pressed());
    drop(held);
    let next = next.await.unwrap();
    assert!(waits(last.as_mut()) && waits(after.as_mut()), "the offender and the larger one still wait");
    drop(next);
    let after = after.await.unwrap();
    drop(after);
    assert_eq!(
        {
            let _last = last.await.unwrap();
            budget.held()
        },
        200
    );
}

#[tokio::test]
async fn cancelled_caller_leaves_the_queue() {
    let budget = Budget::new(LIMITS);
    let (holder, other) = (budget.open_account(), budget.open_account());
    let held = holder.try_reserve(450).unwrap();
    {
        let mut waiting = pin!(other.reserve(200));
        assert!(waits(waiting.as_mut()));
        drop(held);
        // The grant is never taken.
    }
    assert_eq!(budget.held(), 0);
}

#[tokio::test]
async fn reservation_shrinks_and_grows_within_the_limits() {
    let budget = Budget::new(LIMITS);
    let account = budget.open_account();
    let mut hold = account.try_reserve(300).unwrap();
    assert!(hold.resize(10) && hold.resize(500) && !hold.resize(501));
    assert_eq!(budget.held(), 500);
    drop(hold);
    assert_eq!(budget.held(), 0);
}

#[tokio::test]
async fn reservation_beyond_all_limits_finds_room() {
    let budget = Budget::new(LIMITS);
    let account = budget.open_account();
    let _hold = account.reserve(usize::MAX).await.unwrap();
    assert_eq!(budget.held(), 250);
}

#[tokio::test]
async fn few_reservations_of_a_connection_wait() {
    let budget = Budget::new(LIMITS);
    let account = budget.open_account();
    let _held = account.try_reserve(400).unwrap();
    let mut waiting: Vec<_> = (0..32).map(|_| Box::pin(account.reserve(200))).collect();
    assert!(waiting.iter_mut().all(|one| waits(one.as_mut())));
    assert!(account.reserve(200).await.is_none(), "one more than is allowed to wait");
    waiting.pop();
    assert!(waits(Box::pin(account.reserve(200)).as_mut()), "a cancelled one leaves its place");
}

#[tokio::test]
async fn small_reservations_overtake_large_and_gone_ones() {
    let budget = Budget::new(LIMITS);
    let account = budget.open_account();
    let held = account.try_reserve(400).unwrap();
    let mut gone = Box::pin(account.reserve(200));
    let mut next = Box::pin(account.reserve(100));
    assert!(waits(gone.as_mut()) && waits(next.as_mut()));
    assert!(!waits(Box::pin(account.reserve(10)).as_mut()), "a small one does not wait for a large one");
    drop(gone);
    drop(held);
    assert!(!waits(next.as_mut()));
}
