//! The guard's own work for a call, with a known token and with an unknown one.

use std::future::Future as _;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use gatepost::{AuthService, Token, TokenStatus, Verify as _};
use http::HeaderMap;
use tonic::metadata::MetadataMap;

use super::Counting;
use crate::Failure;

/// Verifies a token, so that the guard knows it.
///
/// # Errors
/// Fails if the token is not good.
pub async fn once(auth: &AuthService, token: &Token) -> Result<(), Failure> {
    let introspection = auth.verify(token, later()).await?;
    if matches!(introspection.status, TokenStatus::Active(_)) { Ok(()) } else { Err("the token is not good".into()) }
}

/// Returns the allocations for a call with a known token, starting from its headers.
///
/// # Errors
/// Fails if the guard has to ask.
pub fn allocations(auth: &AuthService, token: &Token) -> Result<AllocationInfo, Failure> {
    let (mut known, deadline, headers) = (true, later(), headers(token)?);
    let info = measure(|| known = hit(auth, &headers, deadline));
    if known { Ok(info) } else { Err("the guard has to ask".into()) }
}

/// Returns the allocations of the guard and its client for a call with an unknown token: the minimum of `calls` calls.
///
/// The guard has its own runtime on the calling thread, because allocations are counted by thread. The auth service
/// must run on another thread.
///
/// # Errors
/// Fails if the guard cannot ask.
pub fn cold_allocations(counting: &Counting, calls: usize) -> Result<AllocationInfo, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let auth = runtime.block_on(counting.follower())?;
    // The connection is opened before the measurement.
    runtime.block_on(once(&auth, &Token::parse("first")?))?;
    let mut fewest: Option<AllocationInfo> = None;
    for call in 0..calls {
        let (token, mut verified) = (Token::parse(&format!("{call:0400}"))?, Ok(()));
        let info = measure(|| verified = runtime.block_on(once(&auth, &token)));
        verified?;
        if fewest.as_ref().is_none_or(|fewest| info.count_total < fewest.count_total) {
            fewest = Some(info);
        }
    }
    fewest.ok_or_else(|| "no call was made".into())
}

/// Returns the average time for a call with a known token, starting from its headers, over this many calls.
///
/// # Errors
/// Fails if the guard has to ask.
pub fn time(auth: &AuthService, token: &Token, times: u32) -> Result<Duration, Failure> {
    let (deadline, headers) = (later(), headers(token)?);
    let began = Instant::now();
    for _ in 0..times {
        if !hit(auth, &headers, deadline) {
            return Err("the guard has to ask".into());
        }
    }
    Ok(began.elapsed() / times)
}

/// Returns `true` if the guard answers at once, without a task, that the token is good.
fn hit(auth: &AuthService, headers: &HeaderMap, deadline: tokio::time::Instant) -> bool {
    let Ok(token) = Token::from_headers(black_box(headers)) else { return false };
    let verifying = pin!(auth.verify(&token, deadline));
    let polled = verifying.poll(&mut Context::from_waker(Waker::noop()));
    matches!(black_box(polled), Poll::Ready(Ok(introspection)) if matches!(introspection.status, TokenStatus::Active(_)))
}

/// Returns the headers of a call with this token.
fn headers(token: &Token) -> Result<HeaderMap, Failure> {
    let mut metadata = MetadataMap::new();
    metadata.insert("api-token", token.expose().parse()?);
    let headers = metadata.into_headers();
    // A received header shares its memory with its clones. This header does so too once it has been cloned.
    drop(headers.clone());
    Ok(headers)
}

fn later() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_mins(1)
}
