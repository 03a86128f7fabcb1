//! Targets of the fuzzers: each takes any bytes, and panics if a promise does not hold.
//!
//! `fuzz/libfuzzer` runs them with coverage, and `tests/smoke.rs` runs them on the seeds and some mutations of these
//! (docs/fuzzing.md).
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a target fails by a panic")]

mod certificates;
mod feed;
mod handlers;
mod headers;
mod keys;
mod mutation;
mod pages;
mod texts;
mod tokens;

pub use certificates::certificates;
pub use feed::feed;
pub use handlers::handlers;
pub use headers::headers;
pub use keys::keys;
pub use mutation::Mutations;
pub use pages::pages;
pub use texts::texts;
pub use tokens::tokens;

/// A target with the name of its folder of seeds.
#[derive(Clone, Copy, Debug)]
pub struct FuzzTarget {
    /// Name in `fuzz/seeds` and in `fuzz/libfuzzer`.
    pub name: &'static str,
    /// The target itself.
    pub run: fn(&[u8]),
    /// Number of mutations in the smoke test.
    pub mutations: usize,
}

/// All targets.
pub const TARGETS: [FuzzTarget; 8] = [
    FuzzTarget { name: "tokens", run: tokens, mutations: 4000 },
    FuzzTarget { name: "headers", run: headers, mutations: 4000 },
    FuzzTarget { name: "pages", run: pages, mutations: 4000 },
    FuzzTarget { name: "texts", run: texts, mutations: 4000 },
    FuzzTarget { name: "keys", run: keys, mutations: 2000 },
    FuzzTarget { name: "certificates", run: certificates, mutations: 2000 },
    FuzzTarget { name: "feed", run: feed, mutations: 4000 },
    FuzzTarget { name: "handlers", run: handlers, mutations: 2000 },
];
