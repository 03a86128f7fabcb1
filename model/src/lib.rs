//! A model of the promise: no call that begins later than 1.5 s after an acknowledged revocation is let in.
//!
//! What decides is the code that runs: the guard's [`Ledger`](gatepost::ledger::Ledger) and its questions, the auth
//! service's `History` and `Outlet`, none of which has a clock, a socket or a task. The [`World`] puts them together with a
//! database and two kinds of messages, and lets everything happen in every order: a message is late or never comes, a
//! stream is lost, a replica starts anew, lags, or reads the log in steps, a process stands still, the database loses its
//! last rows.
//!
//! Time goes by in [ticks](TICK) of half a second, which is how old a replica's view may be; a lease lasts two. Within a
//! tick everything is possible, and also that nothing happens: so a process that is stopped is just one that has no turn.
//! The bound is three ticks, and is reached.
//!
//! A [`Mutation`] is a fault that is built in. Each of them breaks the promise, or the model would be too weak to find it
//! in the code. Some faults have two lines of defence before them; such a mutation takes both away.

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
pub use limits::{Clocks, Limits};
pub use mutation::Mutation;
pub use state::State;
pub use times::{BOUND, TICK};
pub use world::{Action, LAST_MOMENT, NO_FALSE_ALARM, PROMISE, RECOVERY, RENEWED, World};
