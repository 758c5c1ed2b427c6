//! Scenes of the crowd: each makes an event, and may queue others for later.

pub(super) mod mobtexting;
mod nothing;
mod notices;
pub(super) mod oblic;
mod oneroute;
mod sent;
