//! Erasure of deleted users from the audit log, in batches after the deletion.

use chrono::TimeDelta;
use db::{Tx, read, within, write};

use super::{AuthStore, StoreError, Time};
use crate::domain::UserId;

/// Time after a deletion in which a call that began before it may still write events of the user.
const LATE_EVENTS: TimeDelta = TimeDelta::hours(1);

/// Plans the erasure of a user, in the transaction that deletes the user.
pub(super) async fn plan(tx: &mut Tx<'_>, user: UserId, pseudonym: &str, now: Time) -> Result<(), sqlx::Error> {
    const SQL: &str = "insert into audit_erasures (user_id, pseudonym, delete_time) values ($1, $2, $3)";
    within!(*tx, sqlx::query(SQL).bind(user).bind(pseudonym).bind(now)).map(drop)
}

impl AuthStore {
    /// Erases the next 100 deleted users after `after` from the audit log, in batches of 500 events. Events of the
    /// user, and events about the user without a known actor, also lose peer, user agent, request id and trace id.
    /// Returns the users.
    ///
    /// # Errors
    /// [`StoreError`]; another call continues.
    pub async fn erase_audit_events(&self, after: UserId, now: Time) -> Result<Vec<UserId>, StoreError> {
        const NEXT: &str = "select user_id, pseudonym, delete_time from audit_erasures where user_id > $1 \
             order by user_id limit 100";
        let planned: Vec<(UserId, String, Time)> =
            read!(self.db, |reader| sqlx::query_as(NEXT).bind(after).fetch_all(reader))?;
        for (user, pseudonym, delete_time) in &planned {
            while self.erase(*user, pseudonym, now - *delete_time > LATE_EVENTS).await? > 0 {}
        }
        Ok(planned.into_iter().map(|(user, ..)| user).collect())
    }

    /// Erases the user from one batch of events. Deletes the pseudonym if no event is left and `is_last` is set.
    /// Returns the number of erased events.
    async fn erase(&self, user: UserId, pseudonym: &str, is_last: bool) -> Result<u64, StoreError> {
        // The deletion's own event gets another pseudonym. The list of deleted users has the event's time, so the event
        // must not lead from that list to the user's other events.
        const AS_SUBJECT: &str = "update audit_events set \
             subject = case when kind = 'user_deleted' then 'erased' else $2 end, detail = '', \
             peer = case when actor in ('', $1) then '' else peer end, \
             user_agent = case when actor in ('', $1) then '' else user_agent end, \
             request_id = case when actor in ('', $1) then '' else request_id end, \
             trace_id = case when actor in ('', $1) then '' else trace_id end, \
             actor = case when actor <> $1 then actor when kind = 'user_deleted' then 'erased' else $2 end \
             where id in (select id from audit_events where subject = $1 order by id limit 500)";
        const AS_ACTOR: &str = "update audit_events set \
             actor = case when kind = 'user_deleted' then 'erased' else $2 end, peer = '', user_agent = '', request_id = '', \
             trace_id = '' where id in (select id from audit_events where actor = $1 order by id limit 500)";
        const FORGET: &str = "delete from audit_erasures where user_id = $1";
        // Each statement is its own transaction. In a common one, two erasures could wait for each other's rows.
        let (id, mut erased) = (user.to_string(), 0);
        for sql in [AS_SUBJECT, AS_ACTOR] {
            erased += write!(self.db, sqlx::query(sql).bind(&id).bind(pseudonym))?;
        }
        if erased == 0 && is_last {
            write!(self.db, sqlx::query(FORGET).bind(user))?;
        }
        Ok(erased)
    }
}
