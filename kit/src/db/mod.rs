//! The service's own database: where it lies, how it is opened, what can go wrong.

mod error;
mod lock;
mod open;
mod url;

pub use error::{OpenError, StoreError};
pub use open::Db;
pub use url::DatabaseUrl;
