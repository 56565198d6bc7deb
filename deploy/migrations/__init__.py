"""How the tables of PostgreSQL came to be, version by version. `carebell admin migrate` runs them; see deploy/migrate.py."""
