//! `bench rivals`: the same work for Gatepost and for other products, in turns. docs/rivals.md describes each of them.

mod build;
mod envoy;
mod figures;
mod flask;
mod http;
mod hydra;
mod keycloak;
mod kratos;
mod measure;
mod options;
mod pair;
mod plot;
mod pocketbase;
mod process;
mod revocation;
mod rival;
mod run;
mod servers;
mod spicedb;
mod table;
mod work;

pub use options::{RivalSettings, RivalsOptions};
pub use rival::Rival;
pub use run::run_rivals;
