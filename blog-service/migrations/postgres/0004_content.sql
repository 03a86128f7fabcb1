-- HTML, excerpts, tags, covers and languages of posts.

-- step
alter table posts
    -- The author's excerpt. Null means the made one.
    add column given_excerpt text,
    -- The excerpt that was made from the content.
    add column made_excerpt text not null default '',
    -- The tags in their canonical form, with a blank between two.
    add column tags text not null default '',
    add column cover_image_url text not null default '',
    add column language_code text not null default '',
    -- The version of the renderer that made the HTML.
    add column html_version integer,
    -- The revision that the HTML belongs to. Another revision of the post was written without HTML.
    add column html_revision integer,
    add column content_html text;

-- The tags of published posts. Their order is the same as on SQLite.
create table post_tags (
    tag text collate "C" not null,
    post_id uuid not null,
    primary key (tag, post_id)
);

-- Numbers of published posts, so that a list of tags counts no posts. The last digit of a post's id chooses one of 16 rows
-- of a tag: writes of posts with one tag seldom wait for each other.
create table tag_counts (
    tag text collate "C" not null,
    shard text collate "C" not null,
    posts integer not null,
    primary key (tag, shard)
);

-- Triggers keep both tables, so that a write of a post stays one statement. They lock the counts in the order of the tags:
-- writes of posts with the same tags then do not wait for each other in a circle.
create function add_post_tags() returns trigger language plpgsql as $$
begin
    with added as (
        insert into post_tags (tag, post_id) select unnest(string_to_array(new.tags, ' ')), new.id
        on conflict do nothing
        returning tag
    )
    insert into tag_counts (tag, shard, posts) select tag, right(new.id::text, 1), 1 from added order by tag
    on conflict (tag, shard) do update set posts = tag_counts.posts + 1;
    return null;
end
$$;

create function remove_post_tags() returns trigger language plpgsql as $$
begin
    with removed as (
        delete from post_tags where post_id = old.id and tag = any (string_to_array(old.tags, ' '))
        returning tag
    )
    insert into tag_counts (tag, shard, posts) select tag, right(old.id::text, 1), -1 from removed order by tag
    on conflict (tag, shard) do update set posts = tag_counts.posts - 1;
    delete from tag_counts
    where tag = any (string_to_array(old.tags, ' ')) and shard = right(old.id::text, 1) and posts = 0;
    return null;
end
$$;

create trigger post_tags_are_added after insert on posts
for each row when (new.tags <> '' and new.state = 'published') execute function add_post_tags();

-- Triggers of one event run in the order of their names: the old tags are removed first.
create trigger changed_post_tags_1_removed after update of tags, state on posts
for each row when (
    old.tags <> '' and old.state = 'published' and (new.tags <> old.tags or new.state <> 'published')
) execute function remove_post_tags();

create trigger changed_post_tags_2_added after update of tags, state on posts
for each row when (
    new.tags <> '' and new.state = 'published' and (new.tags <> old.tags or old.state <> 'published')
) execute function add_post_tags();

create trigger post_tags_are_removed after delete on posts
for each row when (old.tags <> '' and old.state = 'published') execute function remove_post_tags();
