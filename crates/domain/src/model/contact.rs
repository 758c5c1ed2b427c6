//! The bound on the addresses of a contact.

/// The most addresses of a contact. A sender from a further address becomes a contact of their own: if ever more
/// addresses lead to one contact, they belong to more than one person.
pub const MOST_ADDRESSES: usize = 100;
