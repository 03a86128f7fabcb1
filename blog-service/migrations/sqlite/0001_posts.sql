create table posts (
    -- A UUIDv7: its order is the order of creation, which is how posts are listed.
    id blob primary key not null,
    owner_id blob not null,
    title text not null,
    revision integer not null,
    create_time text not null,
    update_time text not null,
    -- Last, so that a list without contents does not walk through them to reach the other columns.
    content text not null
) strict;

create table secrets (
    name text primary key not null,
    value blob not null
) strict;
