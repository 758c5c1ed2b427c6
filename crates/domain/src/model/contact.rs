//! What bounds a contact.

/// The most addresses of a contact. Whoever writes from one more is kept apart, as a contact of their own: where something
/// leads ever more addresses to one contact, it leads more than one person to it.
pub const MOST_ADDRESSES: usize = 100;
