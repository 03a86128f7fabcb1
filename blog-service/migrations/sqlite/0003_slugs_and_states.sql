-- Slugs and states of posts. The table is written again, because its content must stay the last column.
create table posts_with_states (
    -- A UUIDv7: its order is the order of creation, which is how posts are listed.
    id blob primary key not null,
    owner_id blob not null,
    title text not null,
    revision integer not null,
    create_time text not null,
    update_time text not null,
    -- The current slug. Without one, the post's id is its slug.
    slug text,
    state text not null default 'published',
    -- Null for a draft. Null for a published post means its time of creation.
    publish_time text,
    -- Last, so that a list without contents does not walk through them to reach the other columns.
    content text not null
) strict;

insert into posts_with_states (id, owner_id, title, revision, create_time, update_time, content)
    select id, owner_id, title, revision, create_time, update_time, content from posts;

drop table posts;

alter table posts_with_states rename to posts;

create index posts_published on posts (id) where state = 'published';

create index posts_scheduled on posts (publish_time, id) where state = 'scheduled';

-- Each slug that a post has or had. A slug belongs to its post until the post is deleted.
create table post_slugs (
    slug text primary key not null,
    post_id blob not null
) strict, without rowid;

create index post_slugs_by_post on post_slugs (post_id);

-- Triggers claim slugs, so that a write of a post stays one statement. A slug of another post fails the statement.
create trigger post_slug_is_claimed after insert on posts when new.slug is not null begin
    insert into post_slugs (slug, post_id) select new.slug, new.id
    where not exists (select 1 from post_slugs where slug = new.slug and post_id = new.id);
end;

create trigger changed_post_slug_is_claimed after update of slug on posts
when new.slug is not null and new.slug is not old.slug begin
    insert into post_slugs (slug, post_id) select new.slug, new.id
    where not exists (select 1 from post_slugs where slug = new.slug and post_id = new.id);
end;

create trigger post_slugs_are_freed after delete on posts begin
    delete from post_slugs where post_id = old.id;
end;
