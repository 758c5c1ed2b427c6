//! The binary `inlet`: configuration, roles, commands, lifecycle, and a Postgres of its own.

pub mod files;
pub mod postgres;
