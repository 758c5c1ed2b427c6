//! What can happen next in the crowd: each scene makes an event, and may leave others for later.

pub(super) mod mobtexting;
mod nothing;
mod notices;
pub(super) mod oblic;
mod oneroute;
mod sent;
