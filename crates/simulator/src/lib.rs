//! Providers that behave as badly as real ones, a webhook sink, load, and a checker that knows Inlet by HTTP alone.
