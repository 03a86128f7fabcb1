-- What ../0002_accounts_and_requests.sql does, while calls go on.

-- step
-- Where a session was begun, and when it last got new tokens (null: not since).
alter table sessions add column peer text not null default '';
alter table sessions add column user_agent text not null default '';
alter table sessions add column last_refresh_time timestamptz;
alter table sessions add column network text not null default '';

-- What is left of a deleted user.
create table deleted_users (
    id uuid primary key,
    delete_time timestamptz not null
);

create table secrets (
    name text primary key,
    value bytea not null
);

-- Requests that may be repeated, for 24 hours each.
create table requests (
    -- The caller's user id; empty for whoever has no token.
    caller text not null,
    method text not null,
    id uuid not null,
    fingerprint bytea not null,
    -- The row that the request made.
    resource uuid not null,
    create_time timestamptz not null,
    primary key (caller, method, id)
);

create index requests_by_time on requests (create_time);

-- Wrong passwords in a row, by the SHA-256 of the account that was tried: addresses of people who have no account here are
-- not kept.
create table failed_attempts (
    account bytea primary key,
    failures integer not null,
    last_time timestamptz not null
);

create index failed_attempts_by_time on failed_attempts (last_time);

-- How much of its allowance an address has used: it has all of it back at this time.
create table allowances (
    kind text not null check (kind in ('failure', 'sign-up')),
    network text not null,
    full_time timestamptz not null,
    primary key (kind, network)
);

create index allowances_by_time on allowances (full_time);

-- step: concurrently
create index concurrently if not exists sessions_by_user_and_network on sessions (user_id, network);

-- step: concurrently
create index concurrently if not exists sessions_by_user_and_id on sessions (user_id, id);

-- step
drop index sessions_by_user;
