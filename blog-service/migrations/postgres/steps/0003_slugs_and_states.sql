-- The changes of ../0003_slugs_and_states.sql in steps, so that calls are served during the migration.

-- step
alter table posts
    -- The current slug. Without one, the post's id is its slug.
    add column slug text,
    add column state text not null default 'published',
    -- Null for a draft. Null for a published post means its time of creation.
    add column publish_time timestamptz;

-- Each slug that a post has or had. A slug belongs to its post until the post is deleted.
create table post_slugs (
    slug text primary key,
    post_id uuid not null
);

create index post_slugs_by_post on post_slugs (post_id);

-- Triggers claim slugs, so that a write of a post stays one statement. A slug of another post fails the statement.
create function claim_post_slug() returns trigger language plpgsql as $$
begin
    if not exists (select 1 from post_slugs where slug = new.slug and post_id = new.id) then
        insert into post_slugs (slug, post_id) values (new.slug, new.id);
    end if;
    return null;
end
$$;

create trigger post_slug_is_claimed after insert on posts
for each row when (new.slug is not null) execute function claim_post_slug();

create trigger changed_post_slug_is_claimed after update of slug on posts
for each row when (new.slug is not null and new.slug is distinct from old.slug) execute function claim_post_slug();

create function free_post_slugs() returns trigger language plpgsql as $$
begin
    delete from post_slugs where post_id = old.id;
    return null;
end
$$;

create trigger post_slugs_are_freed after delete on posts
for each row execute function free_post_slugs();

-- step: concurrently
create index concurrently if not exists posts_published on posts (id) where state = 'published';

-- step: concurrently
create index concurrently if not exists posts_scheduled on posts (publish_time, id) where state = 'scheduled';
