-- Lists by filter and order. Each index begins with the state, so that a list of published posts passes no drafts.

-- A published post has a time of publication from now on. Posts from before the column had none.
update posts set publish_time = create_time where state = 'published' and publish_time is null;

create index posts_by_state on posts (state, id);

create index posts_by_publish_time on posts (state, publish_time, id);

create index posts_by_update_time on posts (state, update_time, id);

create index posts_by_title on posts (state, title, id);

create index posts_by_owner on posts (owner_id, state, id);

-- The indexes above serve the statements of these two.
drop index posts_published;

drop index posts_scheduled;

-- Titles in the order of their bytes. On PostgreSQL the order is a part of the view.
create view titled_posts as select id, owner_id, state, title, tags, publish_time, update_time from posts;
