//! The inlet binary: configuration, roles, commands, lifecycle, embedded Postgres.
