//! Converts a database's failures into failures of the kit.

use kit::failure::StoreFailure;

use super::StoreError;

impl<'a> From<&'a StoreError> for StoreFailure<'a> {
    fn from(error: &'a StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => Self::Unavailable(&**cause),
            StoreError::Full => Self::Full,
            StoreError::Unknown(cause) => Self::Unknown(&**cause),
            StoreError::Taken(cause) | StoreError::Fault(cause) => Self::Fault(&**cause),
        }
    }
}
