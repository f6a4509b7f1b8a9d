#!/bin/sh
# Makes a role and a database for Tierline, and a role for Temporal, which makes its own two. Neither is an
# administrator, and neither reaches the other's data.
#
# PostgreSQL's image runs it once, when the database is made. It needs POSTGRES_USER, TIERLINE_DB_PASSWORD and
# TEMPORAL_DB_PASSWORD.
set -eu

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv tierline TIERLINE_DB_PASSWORD
\getenv temporal TEMPORAL_DB_PASSWORD
CREATE ROLE tierline LOGIN PASSWORD :'tierline';
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal';
CREATE DATABASE tierline OWNER tierline;
REVOKE ALL ON DATABASE tierline FROM PUBLIC;
SQL
