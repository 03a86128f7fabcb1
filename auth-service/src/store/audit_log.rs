//! Reads of the audit log: pages, and the order of its watchers (docs/decisions/0031).

use chrono::TimeDelta;
use db::{TransactionOutcome, read, transaction, within};
use sqlx::FromRow;
use uuid::{NoContext, Timestamp, Uuid};

use super::log_reader::bytes;
use super::{AuthStore, StoreError, Time};
use crate::domain::{AuditEvent, AuditEventId, AuditFilter, AuditKind, Client, LogId, PlacedAuditEvent};

/// Largest difference between the time in an event's id and the event's own time.
const ID_TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// Places that the audit log has given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditRange {
    /// Identity of the database's history; a restored database has another one.
    pub log: LogId,
    /// Last place that was given.
    pub last: i64,
    /// Last place whose event was deleted.
    pub pruned: i64,
}

impl AuthStore {
    /// Returns at most `limit` events that match the filter and are older than the event `after`, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_audit_events(
        &self,
        filter: &AuditFilter,
        after: Option<AuditEventId>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        const ALL: &str = "select id, event_time, kind, actor, subject, peer, user_agent, request_id, trace_id, detail \
             from audit_events where id < $1 and id >= $2 and ($3 is null or event_time >= $3) \
             and ($4 is null or event_time < $4) and ($5 is null or kind = $5) and ($6 is null or actor = $6) \
             and ($7 is null or subject = $7) order by id desc limit $8";
        const BY_KIND: &str = "select id, event_time, kind, actor, subject, peer, user_agent, request_id, trace_id, \
             detail from audit_events where id < $1 and id >= $2 and ($3 is null or event_time >= $3) \
             and ($4 is null or event_time < $4) and kind = $5 and ($6 is null or actor = $6) \
             and ($7 is null or subject = $7) order by id desc limit $8";
        const BY_ACTOR: &str = "select id, event_time, kind, actor, subject, peer, user_agent, request_id, trace_id, \
             detail from audit_events where id < $1 and id >= $2 and ($3 is null or event_time >= $3) \
             and ($4 is null or event_time < $4) and ($5 is null or kind = $5) and actor = $6 \
             and ($7 is null or subject = $7) order by id desc limit $8";
        const BY_SUBJECT: &str = "select id, event_time, kind, actor, subject, peer, user_agent, request_id, trace_id, \
             detail from audit_events where id < $1 and id >= $2 and ($3 is null or event_time >= $3) \
             and ($4 is null or event_time < $4) and ($5 is null or kind = $5) and ($6 is null or actor = $6) \
             and subject = $7 order by id desc limit $8";
        let AuditFilter { actor, subject, kind, from, until } = filter;
        let sql = match (subject, actor, kind) {
            (Some(_), ..) => BY_SUBJECT,
            (None, Some(_), _) => BY_ACTOR,
            (None, None, Some(_)) => BY_KIND,
            (None, None, None) => ALL,
        };
        let before = until.map_or(AuditEventId::MAX, |until| first_id(until + ID_TOLERANCE));
        let rows: Vec<AuditRow> = read!(self.db, |reader| sqlx::query_as(sql)
            .bind(after.unwrap_or(AuditEventId::MAX).min(before))
            .bind(from.map_or(AuditEventId::NIL, |from| first_id(from - ID_TOLERANCE)))
            .bind(*from)
            .bind(*until)
            .bind(kind.map(AuditKind::text))
            .bind(actor.as_deref())
            .bind(subject.as_deref())
            .bind(i64::from(limit))
            .fetch_all(reader))?;
        Ok(rows.into_iter().map(AuditEvent::from).collect())
    }

    /// Returns at most `limit` events after this place, in the order of places.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_events_after(&self, position: i64, limit: u32) -> Result<Vec<PlacedAuditEvent>, StoreError> {
        const SQL: &str = "select position, id, event_time, kind, actor, subject, peer, user_agent, request_id, \
             trace_id, detail from audit_events where position > $1 order by position limit $2";
        let rows: Vec<PlacedRow> =
            read!(self.db, |reader| sqlx::query_as(SQL).bind(position).bind(i64::from(limit)).fetch_all(reader))?;
        Ok(rows.into_iter().map(|row| PlacedAuditEvent { position: row.position, event: row.event.into() }).collect())
    }

    /// Returns the places that the audit log has given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_range(&self) -> Result<AuditRange, StoreError> {
        const SQL: &str = "select l.log_id, h.position, h.pruned from audit_head h join log_head l on l.id = h.id \
             where h.id = 1";
        let (log, last, pruned): (Vec<u8>, i64, i64) = read!(self.db, |reader| sqlx::query_as(SQL).fetch_one(reader))?;
        Ok(AuditRange { log: LogId(bytes(&log)?), last, pruned })
    }

    /// Gives places to the committed events without one: at most 500 of them. Returns their number.
    ///
    /// # Errors
    /// [`StoreError`]; then no place is given.
    pub async fn place_audit_events(&self) -> Result<u64, StoreError> {
        const ANY: &str = "select 1 from audit_events where position is null and id > $1 limit 1";
        // Writes the same value again: the two engines share no other way to lock a row.
        const LOCK: &str = "update audit_head set position = position where id = 1 returning position";
        const PLACE: &str = "update audit_events set position = placed.position from \
             (select id, $1 + row_number() over (order by id) as position from \
             (select id from audit_events where position is null and id > $2 order by id limit 500) next) placed \
             where audit_events.id = placed.id";
        const RAISE: &str = "update audit_head set position = $1 where id = 1";
        let any: Option<i32> =
            read!(self.db, |reader| sqlx::query_scalar(ANY).bind(AuditEventId::NIL).fetch_optional(reader))?;
        if any.is_none() {
            return Ok(0);
        }
        transaction!(self.db, async move |mut tx| {
            let last: i64 = within!(tx, |connection| sqlx::query_scalar(LOCK).fetch_one(connection))?;
            // This statement sees all events that were committed before the lock was taken.
            let placed = within!(tx, sqlx::query(PLACE).bind(last).bind(AuditEventId::NIL))?;
            within!(tx, sqlx::query(RAISE).bind(last.saturating_add_unsigned(placed)))?;
            Ok(TransactionOutcome::Commit(placed))
        })
    }

    /// Deletes the oldest placed events: at most 500 of them from before `until`. An event with a time after `now` was
    /// written under a wrong clock, and is deleted with its neighbors. Returns the number.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is deleted.
    pub async fn prune_audit_events(&self, until: Time, now: Time) -> Result<u64, StoreError> {
        const OLDEST: &str = "select position, event_time from audit_events where position > $1 \
             order by position limit 500";
        let mut after = 0;
        loop {
            let oldest: Vec<(i64, Time)> =
                read!(self.db, |reader| sqlx::query_as(OLDEST).bind(after).fetch_all(reader))?;
            // An expired event that follows a newer one stays until the newer one is deleted.
            let mut old = oldest.iter().take_while(|(_, time)| *time < until || *time > now);
            if let Some((last, _)) = old.clone().filter(|(_, time)| *time < until).last() {
                let first_batch = self.audit_range().await?.pruned + 500;
                return self.delete_audit_events(first_batch.min(*last)).await;
            }
            match oldest.last() {
                // All events of the batch come from a clock that was ahead. Events after them may have expired.
                Some((last, _)) if old.by_ref().count() == 500 => after = *last,
                _ => return Ok(0),
            }
        }
    }

    /// Deletes the oldest placed events beyond the newest `most`: at most 500. Returns the number.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is deleted.
    pub async fn shrink_audit_log(&self, most: i64) -> Result<u64, StoreError> {
        let AuditRange { last, pruned, .. } = self.audit_range().await?;
        // Places have no gaps, so their difference is the number of events.
        let surplus = last - pruned - most;
        if surplus > 0 { self.delete_audit_events(pruned + surplus.min(500)).await } else { Ok(0) }
    }

    async fn delete_audit_events(&self, position: i64) -> Result<u64, StoreError> {
        const SQL: &str = "delete from audit_events where position <= $1";
        const RAISE: &str = "update audit_head set pruned = case when pruned < $1 then $1 else pruned end where id = 1";
        transaction!(self.db, async move |mut tx| {
            let deleted = within!(tx, sqlx::query(SQL).bind(position))?;
            within!(tx, sqlx::query(RAISE).bind(position))?;
            Ok(TransactionOutcome::Commit(deleted))
        })
    }
}

/// Returns an id below those of all events from this time on.
fn first_id(time: Time) -> AuditEventId {
    let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0));
    // The first 48 bits are the time in ms (RFC 9562 §5.7).
    AuditEventId::from_u128(id.as_u128() >> 80 << 80)
}

#[derive(FromRow)]
struct AuditRow {
    id: AuditEventId,
    event_time: Time,
    kind: String,
    actor: String,
    subject: String,
    peer: String,
    user_agent: String,
    request_id: String,
    trace_id: String,
    detail: String,
}

#[derive(FromRow)]
struct PlacedRow {
    position: i64,
    #[sqlx(flatten)]
    event: AuditRow,
}

impl From<AuditRow> for AuditEvent {
    fn from(row: AuditRow) -> Self {
        let AuditRow { id, event_time: time, kind, actor, subject, request_id, trace_id, detail, .. } = row;
        let client = Client { peer: row.peer, user_agent: row.user_agent };
        let kind = AuditKind::from_text(&kind);
        Self { id, time, kind, actor, subject, client, request_id, trace_id, detail }
    }
}
