//! One adapter for each provider.

pub mod custom;
pub mod mobtexting;
pub mod oblic;
pub mod oneroute;
