//! Who is who: which messages are one person's, what a provider's deletion leaves, which names grow up, whom a refusal
//! binds, and which file is which.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up can only fail")]

mod deletions;
mod files;
mod forms;
mod full;
mod in_any_order;
mod keys;
mod names;
mod opt_outs;
mod over_http;
mod support;
mod upgrade;
mod versions;
