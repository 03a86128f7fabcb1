-- Requests that may be repeated, for 24 hours each.
create table requests (
    -- The caller's user id.
    caller text not null,
    method text not null,
    id blob not null,
    fingerprint blob not null,
    -- The row that the request made.
    resource blob not null,
    create_time text not null,
    primary key (caller, method, id)
) strict, without rowid;

create index requests_by_time on requests (create_time);
