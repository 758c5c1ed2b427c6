//! Provider bytes become commands.
