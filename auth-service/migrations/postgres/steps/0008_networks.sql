-- What ../0008_networks.sql does, while calls go on.

-- step: concurrently
create index concurrently if not exists sessions_by_network on sessions (network);
