-- Requests that may be repeated, for 24 hours each.
create table requests (
    -- The caller's user id.
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
