-- What ../0005_refresh_tokens.sql does, while calls go on.

-- step
-- One row a session, however often it is refreshed. Nothing here can be presented: the digests are of secrets, and the salt
-- makes the next secret only of the one before it.
alter table sessions add column refresh_generation integer not null default 0;
alter table sessions add column refresh_salt bytea not null default '';
-- The SHA-256 of the last sixteen secrets, the current one first; empty: the session has no refresh token.
alter table sessions add column refresh_digests bytea not null default '';
-- Which of the last rotations had to be answered again: a bit each, the last one's first.
alter table sessions add column graces integer not null default 0;
-- Until when the current refresh token can be used.
alter table sessions add column idle_expire_time timestamptz not null default 'epoch';
-- When neither the refresh token nor the last access token is good any more.
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
