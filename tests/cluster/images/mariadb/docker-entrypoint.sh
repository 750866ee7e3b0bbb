#!/bin/sh
# Make the database at the first start, then become the server. Variables: MARIADB_DATABASE, MARIADB_ROOT_HOST and
# MARIADB_ALLOW_EMPTY_ROOT_PASSWORD, as in the official image. No server listens before all is made.
set -eu
[ "${1:-}" = mariadbd ] || exec "$@"
data=/var/lib/mysql
if [ ! -d "$data/mysql" ]; then
  : "${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:?is missing, and nothing else is known here}"
  mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal --skip-test-db --skip-log-bin >/dev/null
  mariadbd --datadir="$data" --bootstrap --skip-log-bin >/dev/null <<T
FLUSH PRIVILEGES;
CREATE DATABASE \`${MARIADB_DATABASE:-test}\`;
CREATE USER 'root'@'${MARIADB_ROOT_HOST:-%}' IDENTIFIED BY '';
GRANT ALL ON *.* TO 'root'@'${MARIADB_ROOT_HOST:-%}' WITH GRANT OPTION;
T
fi
exec "$@" --datadir="$data" --bind-address='*'
