//! Who is who: which messages are one person's, what a provider's deletion leaves, which names grow up, whom a refusal
//! binds, and which file is which.

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
