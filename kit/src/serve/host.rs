//! One server: its service, and the state that all its connections share.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tonic::Status;

use super::ServerLimits;
use super::addresses::AddressLimit;
use super::counters::ServerMetrics;
use super::lanes::{Lane, Lanes};
use super::memory::Budget;
use super::refusals::Refusals;
use super::saturation::Saturation;
use super::streamed::Streamed;
use super::waiting::WaitPool;
use crate::peer::ProxyProtocol;
use crate::shutdown::Shutdown;
use crate::tls::ServerTls;
use crate::trace::CallTracer;

/// State that all connections of a server share.
pub(super) struct Host<S> {
    pub(super) service: S,
    pub(super) limits: ServerLimits,
    pub(super) requests: Budget,
    pub(super) answers: Budget,
    pub(super) making: Arc<Semaphore>,
    pub(super) compressing: Arc<Semaphore>,
    pub(super) lanes: Lanes,
    pub(super) saturation: Arc<Saturation>,
    pub(super) waiting_bytes: WaitPool,
    pub(super) streams: WaitPool,
    pub(super) public_streams: WaitPool,
    pub(super) streamed: Streamed,
    pub(super) refusals: Refusals,
    /// Paths of the methods whose answers are never compressed.
    pub(super) secret_answers: &'static [&'static str],
    pub(super) addresses: Option<Arc<AddressLimit>>,
    pub(super) proxy_protocol: Option<ProxyProtocol>,
    pub(super) tls: Option<ServerTls>,
    pub(super) stop: Shutdown,
    pub(super) metrics: ServerMetrics,
    pub(super) tracer: CallTracer,
}

impl<S> Host<S> {
    /// Returns the refusal of a call whose lane has no place to run.
    pub(super) fn refuse_to_run(&self, lane: Lane) -> Status {
        // Only the limit of ordinary calls follows the processor time.
        let is_saturated = lane == Lane::Ordinary && self.saturation.is_high();
        if is_saturated { (self.refusals.saturated)() } else { (self.refusals.overloaded)() }
    }
}
