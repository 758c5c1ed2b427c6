//! Upgrade steps that need the adapters' rules: rows with keys of former rules get today's keys.

use indicatif::{ProgressBar, ProgressStyle};
use inlet_domain::ambient::Ambient;
use inlet_store::{
    database::Database,
    records::upgrade::{self, AddressKey, StoredAddress},
};

use crate::error::ServerError;

/// Runs every pending step, with a progress bar. An interrupted step continues where it stopped.
///
/// # Errors
/// The database fails.
pub(crate) async fn run(database: &Database, ambient: &Ambient) -> Result<(), ServerError> {
    if !upgrade::is_pending(database).await? {
        return Ok(());
    }
    let progress = progress(upgrade::addresses(database).await?);
    loop {
        let done = upgrade::rekey_addresses(database, ambient, &rekey).await?;
        progress.inc(done.looked_at);
        if done.is_done {
            break;
        }
    }
    progress.finish();
    Ok(())
}

fn rekey(stored: &StoredAddress) -> Option<AddressKey> {
    inlet_adapters::rekey(stored.kind, stored.scope, &stored.value, stored.original.as_deref())
        .map(|found| AddressKey { kind: found.kind, scope: found.scope, value: found.value })
}

fn progress(addresses: u64) -> ProgressBar {
    let bar = ProgressBar::new(addresses);
    match ProgressStyle::with_template("addresses {wide_bar} {pos} of about {len}, {per_sec}, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
