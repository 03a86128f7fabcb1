-- A key that has been killed is looked for before it may come back.
create index revocations_of_keys on revocations (subject) where kind = 'signing-key';
