//! A model of the promise: no call that begins later than 1.5 s after an acknowledged revocation is admitted.
//!
//! The decisions are made by the code that runs: the guard's
//! [`RevocationState`](gatepost::revocation_state::RevocationState) and its requests, and the auth service's `History`
//! and `FeedCursor`. This code has no clock, no socket and no task. The [`ModelWorld`] connects this code with a
//! database and two kinds of messages, and tries all events in every order. A message is late or lost, a stream breaks,
//! a replica restarts, lags, or reads the log in steps. A process pauses, and the database loses its last rows.
//!
//! Time advances in [ticks](TICK_LENGTH) of half a second, the largest age of a replica's view. A lease lasts two
//! ticks. Within a tick any number of events may happen. A paused process is a process without events. The bound is
//! three ticks, and some calls reach it.
//!
//! A [`Mutation`] is a deliberate fault. Each mutation breaks the promise. Otherwise the model would be too weak to
//! find that fault in the code. Some faults have two lines of defense; their mutations remove both.

mod database;
mod guard;
mod identity;
mod limits;
mod mutation;
mod recovery;
mod replica;
mod state;
mod times;
mod world;

pub use database::ModelPoll;
pub use limits::{Clocks, ModelLimits};
pub use mutation::Mutation;
pub use state::ModelState;
pub use times::{REVOCATION_BOUND, TICK_LENGTH};
pub use world::{LAST_MOMENT, ModelAction, ModelWorld, NO_FALSE_ALARM, PROMISE, RECOVERY, RENEWED};
