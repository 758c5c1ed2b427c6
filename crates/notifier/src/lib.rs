//! Outbound webhooks: the dispatcher and the deliverer.
