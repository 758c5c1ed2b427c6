//! What providers post, and what it becomes: adapters, apply, the raw log, replay, people.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up can only fail"
)]

mod apply;
mod apply_plans;
mod bad_input;
mod campaign_reports;
mod command_raw_log;
mod custom_source;
mod documents;
mod door;
mod inbox_rules;
mod ob_10_orders;
mod p4_joining;
mod people;
mod raw_log;
mod raw_log_plans;
mod replay;
mod sources;
mod sql_files;
mod waiting;
mod young_tables;
