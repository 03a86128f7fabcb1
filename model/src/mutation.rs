//! What can be done wrong, each of which lets a revoked token in late.

/// A fault in the protocol, built in on purpose: a model that does not find it would not find it in the code either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A lease is counted from the receipt of the answer.
    LeaseFromReceipt,
    /// An answer is credited to the latest question.
    LatestNonce,
    /// A reader takes the evidence of one moment and the revocations of another.
    FieldsOneByOne,
    /// A renewal's position is read before the time of the look.
    PositionBeforeLookedAt,
    /// A verdict's position is read after its contents.
    PositionAfterContents,
    /// A look counts from its end.
    LookedAtAtEnd,
    /// The view's position moves before its contents.
    PositionFirst,
    /// The time of the look moves before the contents.
    LookedAtFirst,
    /// A renewal is answered by a view that is not fresh.
    StaleRenewal,
    /// A verdict is given by a view that is not fresh.
    StaleVerdict,
    /// An answer is heard before what was said before it, and taken whatever its position.
    AnswerOvertakes,
    /// A verdict from before the feed's beginning is renewed.
    BelowFloor,
    /// A verdict that is ahead of the feed is renewed, also after a reset.
    AheadOfFeed,
    /// A verdict of another history is renewed, also after a reset.
    OtherMark,
    /// A flight that was begun before a reset counts after it, as one of the new feed's.
    FlightBeforeReset,
    /// A stream begins where the replica is, whatever position the guard has said.
    ResumeIgnored,
    /// A replica gives verdicts before it has loaded the log.
    ServesBeforeLoaded,
    /// A verdict counts from when somebody joined the flight.
    JoinersOwnTime,
    /// Rows have no marks.
    NoMarks,
    /// A guard that was ahead of its replica is not asked for its mark once the replica has caught up.
    MarksNotRechecked,
    /// Feeds are reset some time after the position has moved to another history.
    LateReset,
    /// A lease goes on after a reset, for what was known before, when the revocations have gone.
    LeaseOutlivesReset,
    /// A log that has lost rows refuses what was issued before, and says nothing of it in the log.
    SilentFork,
    /// A guard that knows rows which the log has lost is only reset.
    GuardsLossUnheard,
    /// A replica does not act on a loss that a guard shows.
    LossIsNotActedOn,
    /// Pruning takes rows out and leaves the horizon.
    PruningLeavesHorizon,
    /// Rows are kept for no longer than tokens live.
    NoMarginForClocks,
    /// A replica takes rows that were pruned while it did not look for lost ones.
    PruningIsALoss,
}

impl Mutation {
    /// Whether guards take a renewal of any position as one of their own. A renewal names its position so that none counts
    /// for more than it knows: this second line of defence has to go where the first one is what is tried.
    pub(crate) fn takes_any_renewal(self) -> bool {
        matches!(self, Self::AnswerOvertakes | Self::ResumeIgnored | Self::MarksNotRechecked | Self::LateReset)
    }
}
