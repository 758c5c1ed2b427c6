//! Whole processes: they are started, killed, frozen and fenced, and their Postgres fails over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up can only fail"
)]

mod d1_frozen;
mod d2_hung;
mod dev;
mod e_epoch;
mod e_failover;
mod f_metrics;
mod f_postgres_log;
mod f_tracing;
mod main_job;
mod overload;
mod p13_maintenance;
mod p13_retention;
mod p1_acknowledged;
mod p5_processes;
mod p7_failpoints;
mod p7_killed;
mod p7_order;
mod readiness;
