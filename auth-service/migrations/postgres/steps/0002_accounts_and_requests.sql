-- The changes of ../0002_accounts_and_requests.sql in steps, so that calls are served during the migration.

-- step
-- The client that started a session, and the time of the last refresh (null: none so far).
alter table sessions add column peer text not null default '';
alter table sessions add column user_agent text not null default '';
alter table sessions add column last_refresh_time timestamptz;
alter table sessions add column network text not null default '';

-- The ids of deleted users.
create table deleted_users (
    id uuid primary key,
    delete_time timestamptz not null
);

create table secrets (
    name text primary key,
    value bytea not null
);

-- Requests that callers may repeat. Each row stays for 24 hours.
create table requests (
    -- The caller's user id; empty for a caller without a token.
    caller text not null,
    method text not null,
    id uuid not null,
    fingerprint bytea not null,
    -- The id of the row that the request created.
    resource uuid not null,
    create_time timestamptz not null,
    primary key (caller, method, id)
);

create index requests_by_time on requests (create_time);

-- Consecutive wrong passwords by account, identified by a SHA-256: email addresses without an account must not be stored.
create table failed_attempts (
    account bytea primary key,
    failures integer not null,
    last_time timestamptz not null
);

create index failed_attempts_by_time on failed_attempts (last_time);

-- Allowances of client networks for wrong passwords and registrations. At full_time the whole allowance is available again.
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
