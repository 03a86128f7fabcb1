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

-- Triggers keep the table, so that a write of a post stays one statement.
create function add_post_tags() returns trigger language plpgsql as $$
begin
    insert into post_tags (tag, post_id) select unnest(string_to_array(new.tags, ' ')), new.id
    on conflict do nothing;
    return null;
end
$$;

create function remove_post_tags() returns trigger language plpgsql as $$
begin
    delete from post_tags where post_id = old.id and tag = any (string_to_array(old.tags, ' '));
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
