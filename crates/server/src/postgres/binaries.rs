//! The search for the binaries of a PostgreSQL server.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::error::PostgresError;

/// How to install a server, for error messages.
pub const INSTALL_HINT: &str = "Install it (Debian, Ubuntu: `sudo apt-get install postgresql`; Fedora: `sudo dnf \
     install postgresql-server`; Alpine: `sudo apk add postgresql`; macOS: `brew install postgresql@17`), or run \
     `scripts/postgres.sh`, which needs no root on Debian and Ubuntu, or set DATABASE_URL";

/// The oldest supported major version.
const OLDEST: u32 = 14;

/// One installed server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder of `postgres` and `initdb`.
    pub bindir: PathBuf,
    /// The major version.
    pub major: u32,
    /// The library folders of an unpacked copy, for libraries that the machine lacks.
    pub shared_libraries: Option<OsString>,
}

impl Binaries {
    /// The server in `bindir`, if it runs.
    fn at(bindir: &Path) -> Option<Self> {
        // The server starts in another working folder.
        let bindir = std::path::absolute(bindir).ok()?;
        if !bindir.join("initdb").is_file() || !bindir.join("postgres").is_file() {
            return None;
        }
        let shared_libraries = shared_libraries(&bindir);
        let mut command = Command::new(bindir.join("postgres"));
        command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null());
        if let Some(path) = &shared_libraries {
            command.env("LD_LIBRARY_PATH", path);
        }
        let output = command.output().ok().filter(|output| output.status.success())?;
        let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { bindir, major, shared_libraries })
    }

    /// The server to use: of version `data_version` if there is data, else the newest. Looks at `INLET_PG_BINDIR` (if
    /// set, at nothing else), `pg_config`, the distributions' folders, the copy under `unpacked`, and `PATH`.
    ///
    /// # Errors
    /// No server is usable; the message tells what to install.
    pub fn find(unpacked: &Path, data_version: Option<&str>, folder: &Path) -> Result<Self, PostgresError> {
        let found = match env::var_os("INLET_PG_BINDIR").filter(|value| !value.is_empty()).map(PathBuf::from) {
            Some(bindir) => vec![Self::at(&bindir).ok_or(PostgresError::WrongBindir(bindir))?],
            None => candidates(unpacked).iter().filter_map(|bindir| Self::at(bindir)).collect(),
        };
        choose(found, data_version, folder, unpacked)
    }
}

fn choose(
    mut found: Vec<Binaries>,
    data_version: Option<&str>,
    folder: &Path,
    unpacked: &Path,
) -> Result<Binaries, PostgresError> {
    // The sort is stable: of equal versions, the first place in the search order wins.
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    let Some(newest) = found.first().cloned() else {
        return Err(PostgresError::NoBinaries { unpacked: unpacked.to_owned() });
    };
    if let Some(data) = data_version {
        let mut installed: Vec<String> = found.iter().map(|binaries| binaries.major.to_string()).collect();
        installed.dedup();
        return found.into_iter().find(|binaries| binaries.major.to_string() == data).ok_or_else(|| {
            PostgresError::VersionMismatch {
                folder: folder.to_owned(),
                data: data.to_owned(),
                installed: installed.join(", "),
            }
        });
    }
    if newest.major < OLDEST {
        return Err(PostgresError::TooOld { found: newest.major, bindir: newest.bindir, needed: OLDEST });
    }
    Ok(newest)
}

fn major_of(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    number.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn candidates(unpacked: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).stderr(Stdio::null()).output() {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    // Debian and Ubuntu, PGDG's RPMs, Alpine, SUSE, Homebrew on both Macs, Postgres.app.
    for (parent, prefix, suffix) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/usr/lib", "postgresql", "bin"),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        folders.extend(below(Path::new(parent), prefix).map(|folder| folder.join(suffix)));
    }
    folders.extend(below(&unpacked.join("usr/lib/postgresql"), "").map(|folder| folder.join("bin")));
    if let Some(path) = env::var_os("PATH") {
        folders.extend(env::split_paths(&path));
    }
    folders
}

fn below(parent: &Path, prefix: &'static str) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
}

/// The library folders of a copy that was unpacked under another root than `/`.
fn shared_libraries(bindir: &Path) -> Option<OsString> {
    let usr = bindir.ancestors().nth(4).filter(|usr| usr.ends_with("usr") && *usr != Path::new("/usr"))?;
    let mut folders = Vec::new();
    // Some packages still install libraries in `/lib`.
    for lib in [usr.join("lib"), usr.parent()?.join("lib")] {
        folders.extend(below(&lib, "").filter(|folder| folder.to_string_lossy().contains("-linux-")));
        folders.push(lib);
    }
    env::join_paths(folders).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(major: u32) -> Binaries {
        Binaries { bindir: format!("/usr/lib/postgresql/{major}/bin").into(), major, shared_libraries: None }
    }

    fn choose_of(majors: &[u32], data_version: Option<&str>) -> Result<u32, &'static str> {
        let found = majors.iter().copied().map(installed).collect();
        choose(found, data_version, Path::new("data"), Path::new("unpacked"))
            .map(|binaries| binaries.major)
            .map_err(|error| error.code())
    }

    #[test]
    fn takes_the_newest_but_for_old_data_its_own() {
        assert_eq!(choose_of(&[14, 17, 15], None), Ok(17));
        assert_eq!(choose_of(&[14, 17, 15], Some("15")), Ok(15));
        assert_eq!(choose_of(&[17], Some("15")), Err("POSTGRES_VERSION_MISMATCH"));
        assert_eq!(choose_of(&[12, 13], None), Err("POSTGRES_TOO_OLD"));
        assert_eq!(choose_of(&[], None), Err("POSTGRES_MISSING"));
    }

    #[test]
    fn reads_the_versions_that_distributions_print() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of("bash: postgres: not found"), None);
    }

    #[test]
    fn an_unpacked_copy_brings_its_libraries_and_an_installed_one_does_not() {
        assert_eq!(shared_libraries(Path::new("/usr/lib/postgresql/15/bin")), None);
        assert_eq!(
            shared_libraries(Path::new("/data/usr/lib/postgresql/15/bin")),
            Some("/data/usr/lib:/data/lib".into())
        );
    }
}
