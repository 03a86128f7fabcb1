-- The audit log: security events, each written by the transaction of the change that it tells of.
create table audit_events (
    -- Rises with the time, so that pages go by it.
    id uuid primary key not null,
    event_time timestamptz not null,
    kind text not null,
    -- A user's id, or a word; empty for a caller without a valid token.
    actor text not null,
    subject text not null,
    peer text not null,
    user_agent text not null,
    request_id text not null,
    trace_id text not null,
    detail text not null,
    -- Place in the order of watchers, given after the commit: a later transaction may commit an earlier id.
    position bigint
);
create index audit_events_by_actor on audit_events (actor, id);
create index audit_events_by_subject on audit_events (subject, id);
create index audit_events_by_kind on audit_events (kind, id);
create unique index audit_events_by_position on audit_events (position) where position is not null;
create index audit_events_without_position on audit_events (id) where position is null;

-- One row, which the start of the service inserts: its lock orders those that give positions and those that delete events. Writers of events never touch it.
create table audit_head (
    id integer primary key not null check (id = 1),
    -- Last position that was given.
    position bigint not null,
    -- Last position whose event was deleted.
    pruned bigint not null
);

-- Deleted users whose events still have to lose their traces.
create table audit_erasures (
    user_id uuid primary key not null,
    -- Stands for the user in all events; nothing links it to the user once this row is gone.
    pseudonym text not null,
    delete_time timestamptz not null
);
