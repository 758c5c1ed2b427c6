//! Standard output.

use std::io::Write;

use crate::error::ServerError;

pub(super) fn line(text: &str) -> Result<(), ServerError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()).map_err(ServerError::Print)
}
