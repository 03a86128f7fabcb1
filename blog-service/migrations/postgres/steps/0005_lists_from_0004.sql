-- The changes of ../0005_lists_from_0004.sql in steps, so that calls are served during the migration.

-- step: batches
with batch as materialized (
    select id from posts where id > coalesce(nullif($1, ''), '00000000-0000-0000-0000-000000000000')::uuid
    order by id limit 2000
), last as materialized (
    select id from batch order by id desc limit 1
), written as (
    update posts set publish_time = create_time
    where id > coalesce(nullif($1, ''), '00000000-0000-0000-0000-000000000000')::uuid and id <= (select id from last)
    and state = 'published' and publish_time is null
)
select id::text from last;

-- step: concurrently
create index concurrently if not exists posts_by_state on posts (state, id);

-- step: concurrently
create index concurrently if not exists posts_by_publish_time on posts (state, publish_time, id);

-- step: concurrently
create index concurrently if not exists posts_by_update_time on posts (state, update_time, id);

-- step: concurrently
create index concurrently if not exists posts_by_title on posts (state, (title collate "C"), id);

-- step: concurrently
create index concurrently if not exists posts_by_owner on posts (owner_id, state, id);

-- step
drop index posts_published;

drop index posts_scheduled;

-- Titles in the order of their bytes, as on SQLite. Another collation of the column would end the cached plans of replicas
-- of the previous version.
create view titled_posts as
    select id, owner_id, state, title collate "C" as title, tags, publish_time, update_time from posts;
