//! The types of the schema. Each wraps an object of the store; none is a row.

pub mod audit;
pub mod author;
pub mod campaign_report;
pub mod channel;
pub mod connection;
pub mod contact;
pub mod conversation;
pub mod conversation_filter;
pub mod enums;
pub mod event;
pub mod inbound_event;
pub mod inbox_counts;
pub mod invitation;
pub mod label;
pub mod member;
pub mod message;
pub mod node;
pub mod presence;
pub mod report;
pub mod scalars;
pub mod session;
pub mod trace;
pub mod waiting_reference;
pub mod webhook;
