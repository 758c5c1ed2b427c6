//! Pure rules: no SQL, and no time but a passed one.

pub mod address;
pub mod channel;
pub mod contact;
pub mod contact_name;
pub mod conversation;
pub mod email;
pub mod handling;
pub mod mapping;
pub mod member;
pub mod message;
pub mod name;
pub mod network;
pub mod opt_out;
pub mod outcome;
pub mod provider;
pub mod right;
pub mod source;
pub mod status;
pub mod target;
pub mod versions;
pub mod waiting;
pub mod webhook;
