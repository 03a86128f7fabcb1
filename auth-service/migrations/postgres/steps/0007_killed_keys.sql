-- The changes of ../0007_killed_keys.sql in steps, so that calls are served during the migration.

-- step: concurrently
create index concurrently if not exists revocations_of_keys on revocations (subject) where kind = 'signing-key';
