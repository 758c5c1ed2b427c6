//! Creation of the data folder: in a temporary folder, renamed when it is complete.

use std::{fs, path::Path, process::Stdio};

use tokio::process::Command;

use super::{account::Place, binaries::Binaries, error::PostgresError};
use crate::files;

/// The superuser of embedded clusters.
pub(super) const USER: &str = "inlet";

/// Creates the data folder unless it exists.
pub(super) async fn make(
    place: &Place,
    binaries: &Binaries,
    password: &str,
    durable: bool,
) -> Result<(), PostgresError> {
    if place.data.exists() {
        return Ok(());
    }
    let password_file = place.folder.join("initdb-password");
    files::write_private(&password_file, password.as_bytes())
        .map_err(PostgresError::io("could not write", &password_file))?;
    place.give(&password_file)?;
    let unfinished = place.folder.join("data.unfinished");
    // Not every C library has the locale C.UTF-8, so C is tried next.
    let mut made = Ok(());
    for locale in ["C.UTF-8", "C"] {
        made = initdb(place, binaries, &unfinished, &password_file, locale, durable).await;
        if made.is_ok() {
            break;
        }
    }
    fs::remove_file(&password_file).map_err(PostgresError::io("could not remove", &password_file))?;
    made?;
    fs::rename(&unfinished, &place.data).map_err(PostgresError::io("could not rename", &unfinished))?;
    fs::File::open(&place.folder)
        .and_then(|folder| folder.sync_all())
        .map_err(PostgresError::io("could not sync", &place.folder))
}

async fn initdb(
    place: &Place,
    binaries: &Binaries,
    folder: &Path,
    password_file: &Path,
    locale: &str,
    durable: bool,
) -> Result<(), PostgresError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(PostgresError::io("could not remove", folder))?;
    }
    place.make_childs_folder(folder)?;
    let mut command = command(place, binaries, "initdb");
    command.args(["--username", USER, "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]);
    // As C.UTF-8 this orders by code points, but compares bytes only: all keys are text.
    command
        .arg(format!("--locale={locale}"))
        .arg("--lc-collate=C")
        .arg("--pwfile")
        .arg(password_file)
        .arg("--pgdata")
        .arg(folder);
    if !durable {
        command.arg("--no-sync");
    }
    let output = command.output().await.map_err(PostgresError::io("could not run", binaries.bindir.join("initdb")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(PostgresError::Initdb { output: String::from_utf8_lossy(&said).trim().to_owned() })
}

/// A command that runs one of the server's programs under the right account and with a clean environment.
pub(super) fn command(place: &Place, binaries: &Binaries, program: &str) -> Command {
    let mut command = Command::new(binaries.bindir.join(program));
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        // The supervisor searches for English messages.
        .env("LC_ALL", "C")
        .current_dir(&place.folder)
        .stdin(Stdio::null());
    if let Some(path) = &binaries.shared_libraries {
        command.env("LD_LIBRARY_PATH", path);
    }
    if let Some(child) = &place.account {
        command.uid(child.uid).gid(child.gid);
    }
    command
}
