//! Variables of the environment.

/// Returns a variable of the environment; `None` for an empty one.
#[expect(clippy::disallowed_methods, reason = "scripts/test passes its tools in the environment")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
