//! Deliberate faults. With each fault a revoked token is admitted for too long.

/// A deliberate fault in the protocol. The model must find it; otherwise it would not find the same fault in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A lease starts at the receipt of the answer.
    LeaseFromReceipt,
    /// An answer is credited to the latest request.
    LatestNonce,
    /// A reader combines the evidence of one moment with the revocations of another moment.
    FieldsOneByOne,
    /// A renewal's position is read before the time of the poll.
    PositionBeforePollTime,
    /// An introspection's position is read after its contents.
    PositionAfterContents,
    /// A poll counts from its end.
    PollTimeAtEnd,
    /// The view's position moves before its contents.
    PositionFirst,
    /// The time of the poll moves before the contents.
    PollTimeFirst,
    /// A stale view answers a renewal.
    StaleRenewal,
    /// A stale view gives an introspection.
    StaleIntrospection,
    /// An answer overtakes earlier messages, and is accepted at any position.
    AnswerOvertakes,
    /// An introspection from before the start of the feed is renewed.
    BelowFloor,
    /// An introspection that is ahead of the feed is renewed, also after a reset.
    AheadOfFeed,
    /// An introspection of another history is renewed, also after a reset.
    OtherFingerprint,
    /// A request that started before a reset counts as a request of the new feed.
    FlightBeforeReset,
    /// A stream starts at the replica's position, and ignores the guard's.
    ResumeIgnored,
    /// A replica gives introspections before it has loaded the log.
    ServesBeforeLoaded,
    /// An introspection counts from the time when a caller joined the request.
    JoinersOwnTime,
    /// Rows have no fingerprints.
    NoFingerprints,
    /// A guard was ahead of its replica. Its fingerprint is not checked once the replica has caught up.
    FingerprintsNotRechecked,
    /// Feeds are reset some time after the position has moved to another history.
    LateReset,
    /// A lease continues after a reset, although the reset has removed the revocations.
    LeaseOutlivesReset,
    /// A log that has lost rows refuses earlier tokens, but the refusal is not recorded in the log.
    SilentFork,
    /// A guard that knows rows that the log has lost is reset, and nothing else happens.
    GuardsLossIgnored,
    /// A replica does not react to a loss that a guard reports.
    LossIsNotActedOn,
    /// Pruning removes rows without moving the horizon.
    PruningLeavesHorizon,
    /// Rows are kept only as long as tokens live.
    NoMarginForClocks,
    /// A replica treats rows that were pruned between its polls as lost.
    PruningIsALoss,
}

impl Mutation {
    /// Returns `true` if guards accept a renewal of any position as a renewal of their own. A renewal names its
    /// position, so that it does not count for a later position. Mutations that test the first line of defense must
    /// remove this second one.
    pub(crate) fn takes_any_renewal(self) -> bool {
        matches!(self, Self::AnswerOvertakes | Self::ResumeIgnored | Self::FingerprintsNotRechecked | Self::LateReset)
    }
}
