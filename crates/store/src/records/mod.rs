//! Scoped reads and ordinary writes.
//!
//! Every function takes a [`inlet_domain::scope::Scope`], except:
//!
//! - the look-ups that find a scope: [`sources::by_token`], [`credentials`], [`logins`], [`invitations::accept`] and
//!   [`resets`];
//! - the claims of background work: [`deliveries`], [`mail`], [`report_jobs::claim`], [`inbox::wake_due`] and
//!   [`inbox::give_back_due`];
//! - [`partitions`] and [`retention`], for which only age counts, and [`statistics`], for which only size counts;
//! - [`login_limits`], because an attempt to log in has no workspace yet;
//! - [`upkeep`], which only operators call.
//!
//! A changed password ends the sessions of the person in all of their workspaces, because the password belongs to the
//! person.

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
