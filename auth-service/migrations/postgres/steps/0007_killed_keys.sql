-- What ../0007_killed_keys.sql does, while calls go on.

-- step: concurrently
create index concurrently if not exists revocations_of_keys on revocations (subject) where kind = 'signing-key';
