//! Deliberate faults. With each of them a revoked token is admitted for too long.

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
    PositionBeforeLookedAt,
    /// An introspection's position is read after its contents.
    PositionAfterContents,
    /// A poll counts from its end.
    LookedAtAtEnd,
    /// The view's position moves before its contents.
    PositionFirst,
    /// The time of the poll moves before the contents.
    LookedAtFirst,
    /// A stale view answers a renewal.
    StaleRenewal,
    /// A stale view gives an introspection.
    StaleIntrospection,
    /// An answer overtakes earlier messages, and is accepted at any position.
    AnswerOvertakes,
    /// An introspection from before the feed's beginning is renewed.
    BelowFloor,
    /// An introspection that is ahead of the feed is renewed, also after a reset.
    AheadOfFeed,
    /// An introspection of another history is renewed, also after a reset.
    OtherMark,
    /// A request that started before a reset counts after it, as one of the new feed's.
    FlightBeforeReset,
    /// A stream starts at the replica's position, and ignores the guard's.
    ResumeIgnored,
    /// A replica gives introspections before it has loaded the log.
    ServesBeforeLoaded,
    /// An introspection counts from the time when a caller joined the request.
    JoinersOwnTime,
    /// Rows have no marks.
    NoMarks,
    /// The mark of a guard that was ahead of its replica is not checked once the replica has caught up.
    MarksNotRechecked,
    /// Feeds are reset some time after the position has moved to another history.
    LateReset,
    /// A lease continues after a reset, for earlier knowledge, although the revocations are gone.
    LeaseOutlivesReset,
    /// A log that has lost rows refuses earlier tokens, and does not record that in the log.
    SilentFork,
    /// A guard that knows rows lost by the log is only reset.
    GuardsLossUnheard,
    /// A replica does not act on a loss that a guard shows.
    LossIsNotActedOn,
    /// Pruning removes rows without moving the horizon.
    PruningLeavesHorizon,
    /// Rows are kept only as long as tokens live.
    NoMarginForClocks,
    /// A replica treats rows that were pruned between its polls as lost.
    PruningIsALoss,
}

impl Mutation {
    /// Returns `true` if guards accept a renewal of any position as their own. A renewal names its position so that it
    /// counts for no later one. Mutations that test the first line of defense must remove this second one.
    pub(crate) fn takes_any_renewal(self) -> bool {
        matches!(self, Self::AnswerOvertakes | Self::ResumeIgnored | Self::MarksNotRechecked | Self::LateReset)
    }
}
