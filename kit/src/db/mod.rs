//! The service's own database: where it lies, how it is opened, what can go wrong.

mod error;
mod lock;
mod open;
#[cfg(feature = "testing")]
mod outsider;
pub mod requests;
pub mod secrets;
mod url;

pub use error::{OpenError, StoreError, is_taken};
pub use open::Db;
#[cfg(feature = "testing")]
pub use outsider::Outsider;
pub use url::DatabaseUrl;
