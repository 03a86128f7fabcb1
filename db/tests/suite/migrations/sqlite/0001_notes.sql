create table notes (
    id integer primary key not null,
    text text not null unique check (text <> 'bad')
) strict;
