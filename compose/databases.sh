#!/bin/bash
# Creates the two databases and their owners when PostgreSQL starts on an empty volume: the image runs the scripts in
# /docker-entrypoint-initdb.d. Only its owner can connect to a database.
set -euo pipefail

# psql reads the passwords from its environment: they appear on no command line, and a failure does not log them.
psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres <<'SQL'
set log_min_error_statement = panic;
\getenv auth_password AUTH_DB_PASSWORD
\getenv blog_password BLOG_DB_PASSWORD
create role auth login password :'auth_password';
create role blog login password :'blog_password';
create database auth owner auth encoding 'UTF8' template template0;
create database blog owner blog encoding 'UTF8' template template0;
revoke connect, temporary on database auth, blog, postgres, template1 from public;
SQL
