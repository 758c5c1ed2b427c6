use crate::{SimulatorError, provider::Provider};
pub struct Fixture {
    pub provider: Provider,
    pub title: String,
    pub named_by_url: Option<String>,
    pub body: Vec<u8>,
}
pub fn all() -> Result<Vec<Fixture>, SimulatorError> {
    Ok(vec![])
}
