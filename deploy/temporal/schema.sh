#!/bin/sh
# Makes Temporal's two databases on PostgreSQL, or brings them up to this version's schema. Safe to run again.
#
# Runs in temporalio/admin-tools. Needs POSTGRES_HOST, POSTGRES_PORT, POSTGRES_USER and SQL_PASSWORD.
set -eu

schemas=/etc/temporal/schema/postgresql/v12

tool() {
  temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_HOST" -p "$POSTGRES_PORT" -u "$POSTGRES_USER" "$@"
}

bring_up() { # database, folder of its schema
  tool --db "$1" create # says nothing if it is there
  # A database without a version has no schema yet.
  tool --db "$1" update-schema -d "$schemas/$2/versioned" || {
    tool --db "$1" setup-schema -v 0.0
    tool --db "$1" update-schema -d "$schemas/$2/versioned"
  }
}

bring_up temporal temporal
bring_up temporal_visibility visibility
echo "Temporal's databases are up to date"
