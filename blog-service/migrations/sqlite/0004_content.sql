-- HTML, excerpts, tags, covers and languages of posts. The table is written again, because the long texts must stay the
-- last columns.
create table posts_with_html (
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
    -- The author's excerpt. Null means the made one.
    given_excerpt text,
    -- The excerpt that was made from the content.
    made_excerpt text not null default '',
    -- The tags in their canonical form, with a blank between two.
    tags text not null default '',
    cover_image_url text not null default '',
    language_code text not null default '',
    -- The version of the renderer that made the HTML.
    html_version integer,
    -- The revision that the HTML belongs to. Another revision of the post was written without HTML.
    html_revision integer,
    -- Last, so that a list without contents does not walk through them to reach the other columns.
    content text not null,
    content_html text
) strict;

insert into posts_with_html (id, owner_id, title, revision, create_time, update_time, slug, state, publish_time, content)
    select id, owner_id, title, revision, create_time, update_time, slug, state, publish_time, content from posts;

drop table posts;

alter table posts_with_html rename to posts;

create index posts_published on posts (id) where state = 'published';

create index posts_scheduled on posts (publish_time, id) where state = 'scheduled';

-- The triggers of slugs ended with the old table.
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

-- The tags of published posts.
create table post_tags (
    tag text not null,
    post_id blob not null,
    primary key (tag, post_id)
) strict, without rowid;

-- Numbers of published posts, so that a list of tags counts no posts. The last digit of a post's id chooses one of 16 rows
-- of a tag, as on PostgreSQL: a copy then has the same rows.
create table tag_counts (
    tag text not null,
    shard text not null,
    posts integer not null,
    primary key (tag, shard)
) strict, without rowid;

-- Triggers keep both tables, so that a write of a post stays one statement. Only rows that are new in `post_tags` count: a
-- copy brings the rows of both tables before the posts. A tag has neither a quotation mark nor a backslash.
create trigger post_tags_are_added after insert on posts when new.tags <> '' and new.state = 'published' begin
    insert into tag_counts (tag, shard, posts)
    select value, lower(substr(hex(new.id), 32)), 1 from json_each('["' || replace(new.tags, ' ', '","') || '"]')
    where not exists (select 1 from post_tags where tag = value and post_id = new.id)
    on conflict (tag, shard) do update set posts = posts + 1;
    insert into post_tags (tag, post_id)
    select value, new.id from json_each('["' || replace(new.tags, ' ', '","') || '"]') where true
    on conflict do nothing;
end;

-- One trigger, because SQLite promises no order of two.
create trigger post_tags_are_changed after update of tags, state on posts
when new.tags <> old.tags or (new.state = 'published') <> (old.state = 'published') begin
    update tag_counts set posts = posts - 1
    where old.state = 'published' and shard = lower(substr(hex(old.id), 32))
    and tag in (select value from json_each('["' || replace(old.tags, ' ', '","') || '"]'));
    delete from tag_counts
    where posts = 0 and shard = lower(substr(hex(old.id), 32))
    and tag in (select value from json_each('["' || replace(old.tags, ' ', '","') || '"]'));
    delete from post_tags
    where post_id = old.id and tag in (select value from json_each('["' || replace(old.tags, ' ', '","') || '"]'));
    insert into tag_counts (tag, shard, posts)
    select value, lower(substr(hex(new.id), 32)), 1 from json_each('["' || replace(new.tags, ' ', '","') || '"]')
    where new.tags <> '' and new.state = 'published'
    on conflict (tag, shard) do update set posts = posts + 1;
    insert into post_tags (tag, post_id)
    select value, new.id from json_each('["' || replace(new.tags, ' ', '","') || '"]')
    where new.tags <> '' and new.state = 'published'
    on conflict do nothing;
end;

create trigger post_tags_are_removed after delete on posts when old.tags <> '' and old.state = 'published' begin
    update tag_counts set posts = posts - 1
    where shard = lower(substr(hex(old.id), 32))
    and tag in (select value from json_each('["' || replace(old.tags, ' ', '","') || '"]'));
    delete from tag_counts
    where posts = 0 and shard = lower(substr(hex(old.id), 32))
    and tag in (select value from json_each('["' || replace(old.tags, ' ', '","') || '"]'));
    delete from post_tags
    where post_id = old.id and tag in (select value from json_each('["' || replace(old.tags, ' ', '","') || '"]'));
end;
