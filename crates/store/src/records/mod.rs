//! Scoped reads and ordinary writes.
//!
//! Every function takes a [`inlet_domain::scope::Scope`], but for those that find one: the look-ups of [`sources::by_token`],
//! [`credentials`], [`logins`], [`invitations::accept`] and [`resets`], and the claims of background work in [`deliveries`], [`mail`], [`report_jobs::claim`],
//! [`inbox::wake_due`] and [`inbox::give_back_due`]; for [`partitions`] and [`retention`], to which age is all that counts,
//! and [`statistics`], to which size is; for [`login_limits`], as an attempt has no workspace yet; and for [`upkeep`],
//! which operators alone call. A changed password ends the person's sessions in each of their workspaces, for the password
//! is the person's.

pub mod api_keys;
pub mod audit;
pub mod balance_alerts;
pub mod campaigns;
pub mod canary;
pub mod channels;
mod children;
pub mod contacts;
pub mod conversations;
pub mod credentials;
pub mod deliveries;
pub mod delivery_log;
pub mod expiry;
pub mod groups;
pub mod inbound_events;
pub mod inbox;
pub mod inbox_counts;
pub mod invitations;
pub mod labels;
pub mod lean;
pub mod login_limits;
pub mod logins;
pub mod mail;
pub mod members;
pub mod messages;
pub mod mutation_keys;
pub mod mutation_tx;
pub mod mutations;
pub mod opt_outs;
pub mod page;
pub mod partitions;
pub mod passwords;
mod persons;
pub mod readiness;
pub mod references;
pub mod report_jobs;
pub mod resets;
pub mod retention;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod sources;
pub mod statistics;
pub mod teams;
pub mod trace;
pub mod upgrade;
pub mod upkeep;
pub mod verifications;
pub mod waiting_references;
pub mod webhooks;

mod entity;
mod words;
