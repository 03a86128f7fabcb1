//! Random bytes for secrets.

/// Returns `N` bytes of the operating system's generator.
///
/// # Panics
/// Panics if the operating system has no random bytes: no secret could be made then.
#[expect(clippy::expect_used, reason = "without random bytes no secret can be made, so the process must end")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
