-- The changes of ../0005_refresh_tokens.sql in steps, so that calls are served during the migration.

-- step
-- A session has one row, however often it is refreshed. The row contains no token: the digests are of secrets, and the salt
-- derives the next secret only from the previous one.
alter table sessions add column refresh_generation integer not null default 0;
alter table sessions add column refresh_salt bytea not null default '';
-- The SHA-256 of the last sixteen secrets, the current one first. Empty: the session has no refresh token.
alter table sessions add column refresh_digests bytea not null default '';
-- One bit for each of the last rotations, the newest lowest: set if its answer was repeated.
alter table sessions add column graces integer not null default 0;
-- The expiry time of the current refresh token.
alter table sessions add column idle_expire_time timestamptz not null default 'epoch';
-- The time at which both the refresh token and the last access token have expired.
alter table sessions add column over_time timestamptz not null default 'epoch';

-- step: batches
with batch as materialized (
    select id from sessions where id > coalesce(nullif($1, ''), '00000000-0000-0000-0000-000000000000')::uuid
    order by id limit 2000
), last as materialized (
    select id from batch order by id desc limit 1
), written as (
    update sessions set idle_expire_time = expire_time, over_time = expire_time
    where id > coalesce(nullif($1, ''), '00000000-0000-0000-0000-000000000000')::uuid and id <= (select id from last)
    and over_time = 'epoch'
)
select id::text from last;

-- step: concurrently
create index concurrently if not exists sessions_by_over_time on sessions (over_time);
