//! The one HTTP client that may leave the house: address guard, limits, timeouts.
