-- The end of the log of revocations: one row. Whoever revokes something writes it here, as the last statement of its
-- transaction, so that the row's lock puts all revocations into one order and is held for as long as a commit takes.
create table log_head (
    id integer primary key not null check (id = 1),
    -- Another one after a restore, so that nobody takes this log for the one that it knew.
    log_id blob not null,
    revision integer not null,
    -- Random: tells this row from another of the same revision in a history that has been lost.
    mark blob not null,
    kind text not null check (kind in ('start', 'session', 'user', 'user-disabled', 'user-deleted', 'signing-key', 'signing-keys', 'api-key')),
    -- What is revoked: an id.
    subject text not null,
    -- Tokens of a user's older generations are dead; 0 for other kinds.
    generation integer not null,
    log_time text not null,
    -- Tokens that were issued until then are dead, whatever else is known of them.
    horizon text not null
) strict;

-- The log. Rows whose tokens have all expired are pruned, from the oldest on.
create table revocations (
    revision integer primary key not null,
    mark blob not null,
    kind text not null,
    subject text not null,
    generation integer not null,
    log_time text not null
) strict;

create trigger log_head_is_written after update of revision on log_head begin
    insert into revocations (revision, mark, kind, subject, generation, log_time)
    values (new.revision, new.mark, new.kind, new.subject, new.generation, new.log_time);
end;

-- The end of the log where it can be trusted: on PostgreSQL a server that only repeats another's writes shows none.
create view current_log_head as select id, log_id, revision, horizon from log_head;
