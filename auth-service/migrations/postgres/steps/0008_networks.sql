-- The changes of ../0008_networks.sql in steps, so that calls are served during the migration.

-- step: concurrently
create index concurrently if not exists sessions_by_network on sessions (network);
