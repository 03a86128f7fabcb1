//! Each target with its seeds and some mutations of these. A failure prints the bytes.
//!
//! `GATEPOST_SEED` chooses other mutations, `GATEPOST_MUTATIONS` their number for each target.

#![cfg(test)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use fuzz::{FuzzTarget, Mutations, TARGETS};

const SEED: u64 = 0x6761_7465_706f_7374;

fn run(name: &str) {
    let FuzzTarget { run, mutations, .. } = *TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = seeds(name);
    for seed in &seeds {
        check(run, seed);
    }
    let mut random = Mutations::new(number("GATEPOST_SEED").unwrap_or(SEED));
    let mutations = number("GATEPOST_MUTATIONS").unwrap_or(u64::try_from(mutations).unwrap());
    for _ in 0..mutations {
        let [one, other] = [random.below(seeds.len()), random.below(seeds.len())];
        check(run, &random.mutate(&seeds[one], &seeds[other]));
    }
}

/// Reads a number from the environment.
#[expect(clippy::disallowed_methods, reason = "the environment chooses the work of a test")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Reads the seeds of a target, in the order of their names.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no seeds", folder.display());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn check(run: fn(&[u8]), data: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(data))) {
        eprintln!("failed for the bytes \"{}\"", data.escape_ascii());
        resume_unwind(panic);
    }
}

/// C1 to C5: only a token with the signature of a known key is accepted.
#[test]
fn tokens_of_no_key_are_refused() {
    run("tokens");
}

/// C22 and C26: a call without a good token reaches no handler, and no caller names an identity.
#[test]
fn headers_without_a_token_reach_no_handler() {
    run("headers");
}

/// C60: a page token of another origin does not open.
#[test]
fn pages_open_only_sealed_tokens() {
    run("pages");
}

/// C57 and C61: masks, etags, emails and addresses have one reading.
#[test]
fn texts_have_one_reading() {
    run("texts");
}

#[test]
fn keys_are_read_or_refused() {
    run("keys");
}

#[test]
fn certificates_are_read_or_refused() {
    run("certificates");
}

/// C25: no message of the feed revives a revoked token.
#[test]
fn feed_revives_no_revoked_token() {
    run("feed");
}

/// R11: no request causes an internal error.
#[test]
fn handlers_answer_every_request() {
    run("handlers");
}

#[test]
fn each_target_has_seeds_and_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for FuzzTarget { name, .. } in TARGETS {
        assert!(!seeds(name).is_empty());
        assert!(root.join("libfuzzer/fuzz_targets").join(format!("{name}.rs")).exists(), "{name} has no program");
    }
}
