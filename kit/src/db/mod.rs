//! The service's own database: where it lies, how it is opened, what can go wrong.

mod error;
mod lock;
mod open;
pub mod requests;
pub mod secrets;
mod url;

pub use error::{OpenError, StoreError, is_taken};
pub use open::Db;
pub use url::DatabaseUrl;
