-- A network in which sessions were begun is known: the limits of wrong passwords count it apart.
create index sessions_by_network on sessions (network);
