//! Load on the services: closed and open loops, the calls that they make, and the commands `bench load`, `bench storm`
//! and `bench instructions`.

mod accounts;
mod call;
mod choices;
mod closed_loop;
mod cold;
mod echo;
mod figures;
mod hash;
mod instructions;
mod kind;
mod open_loop;
mod options;
mod outside;
mod own;
mod plot;
mod posts;
mod ratio;
mod report;
mod run;
mod sample;
mod series;
mod services;
mod storm;
mod table;
mod ticks;
mod turns;

pub(crate) use accounts::NEW_USER_PASSWORD;
pub use accounts::{Account, MAX_LOGINS, UNLIMITED_SETTINGS};
pub(crate) use call::always;
pub use call::{CallFuture, LoadCall, burst, health, health_as, in_turn, verify_token};
pub(crate) use choices::Choices;
pub use closed_loop::closed_loop;
pub use echo::serve_echo;
pub(crate) use figures::RoundFigures;
pub use figures::Spread;
pub use hash::{hash_rate, task_rate};
pub use instructions::{InstructionOptions, InstructionReport, count_instructions, run_instructions};
pub use kind::MeasuredCall;
pub use open_loop::{Arrivals, open_loop};
pub use options::{LoadOptions, LoadSettings, LoadTarget};
pub(crate) use posts::{CONTENT_BYTES, PostIds, create_posts, newest_posts, post_caller};
pub use run::run;
pub use sample::{LoadSample, millis};
pub use storm::{StormOptions, run_storm};
pub use turns::{ComparedFigures, LoadFigures, compare, measure};
