//! A model of the promise: no call that begins later than 1.5 s after an acknowledged revocation is admitted.
//!
//! The decisions are made by the code that runs: the guard's
//! [`RevocationState`](gatepost::revocation_state::RevocationState) and its requests, and the auth service's `History`
//! and `FeedCursor`. None of them has a clock, a socket or a task. The [`ModelWorld`] connects them with a database and two
//! kinds of messages, and lets everything happen in every order. A message is late or lost, a stream breaks, a replica
//! restarts, lags, or reads the log in steps. A process pauses, and the database loses its last rows.
//!
//! Time advances in [ticks](TICK_LENGTH) of half a second, the greatest age of a replica's view; a lease lasts two ticks.
//! Within a tick any event may happen, or none: so a paused process is one without events. The bound is three ticks,
//! and is reached.
//!
//! A [`Mutation`] is a deliberate fault. Each mutation breaks the promise; otherwise the model would be too weak to
//! find that fault in the code. Some faults have two lines of defense; their mutations remove both.

mod database;
mod guard;
mod limits;
mod mutation;
mod print;
mod recovery;
mod replica;
mod state;
mod times;
mod world;

pub use database::Look;
pub use limits::{Clocks, ModelLimits};
pub use mutation::Mutation;
pub use state::ModelState;
pub use times::{REVOCATION_BOUND, TICK_LENGTH};
pub use world::{LAST_MOMENT, ModelAction, ModelWorld, NO_FALSE_ALARM, PROMISE, RECOVERY, RENEWED};
