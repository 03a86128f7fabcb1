-- HTML, excerpts, tags, covers and languages of posts.

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
