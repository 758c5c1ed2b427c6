//! The account that runs Postgres, and a data folder that this account can enter.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::unistd::{User, geteuid};

use super::error::PostgresError;
use crate::files;

/// The parent of a data folder that cannot be under `--data-dir`.
const ELSEWHERE: &str = "/var/lib/inlet";

/// An account other than the process's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) name: String,
}

impl Account {
    /// `None` if children run as the process's own account. That is always so unless the process is root.
    fn for_children() -> Result<Option<Self>, PostgresError> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Some(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name }))
            .ok_or(PostgresError::NoAccount)
    }

    /// The owner of existing data. The data may be older than the machine's `postgres` user.
    fn of_data(data: &Path) -> Option<Self> {
        let metadata = fs::metadata(data).ok().filter(|_| geteuid().is_root())?;
        (metadata.uid() != 0).then(|| Self {
            uid: metadata.uid(),
            gid: metadata.gid(),
            name: format!("uid {}", metadata.uid()),
        })
    }

    /// Tests with a child process, because mode bits do not show access lists.
    fn reaches(&self, folder: &Path) -> bool {
        use std::os::unix::process::CommandExt;
        Command::new("/bin/sh")
            .args(["-c", "cd -- \"$1\"", "sh"])
            .arg(folder)
            .uid(self.uid)
            .gid(self.gid)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// The folders of a cluster, and its account.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Owned by the supervisor: the settings, the log, and the two folders below.
    pub(super) folder: PathBuf,
    /// Owned by the child: the data.
    pub(super) data: PathBuf,
    /// Owned by the child: the socket.
    pub(super) socket: PathBuf,
    /// The account that runs Postgres; `None` means the process's own.
    pub(super) account: Option<Account>,
}

impl Place {
    /// The place in `home`. If the child cannot enter `home`, a new folder in [`ELSEWHERE`], which `home` remembers.
    pub(super) fn find(home: &Path) -> Result<Self, PostgresError> {
        files::create_folder(home).map_err(PostgresError::io("could not make", home))?;
        let home = home.canonicalize().map_err(PostgresError::io("could not find", home))?;
        let note = home.join("elsewhere");
        let remembered = files::read_optional(&note).map_err(PostgresError::io("could not read", &note))?;
        let folder = match remembered {
            Some(path) => PathBuf::from(String::from_utf8_lossy(&path).trim()),
            None => home.clone(),
        };
        let data = folder.join("data");
        let account = match Account::of_data(&data) {
            Some(owner) => Some(owner),
            None => Account::for_children()?,
        };
        let Some(child) = &account else { return Self::at(folder, account) };
        if child.reaches(&folder) {
            return Self::at(folder, account);
        }
        if data.exists() {
            return Err(PostgresError::Unreachable { account: child.name.clone(), folder });
        }
        let mut name = [0; 8];
        inlet_domain::ambient::Ambient::system().fill(&mut name);
        let elsewhere = Path::new(ELSEWHERE).join(hex::encode(name));
        for folder in [Path::new(ELSEWHERE), &elsewhere] {
            files::create_folder(folder).map_err(PostgresError::io("could not make", folder))?;
        }
        if !child.reaches(&elsewhere) {
            return Err(PostgresError::Unreachable { account: child.name.clone(), folder: elsewhere });
        }
        files::write_private(&note, elsewhere.as_os_str().as_encoded_bytes())
            .map_err(PostgresError::io("could not write", &note))?;
        tracing::warn!(
            "PostgreSQL does not run as root, and {} cannot be entered by its user `{}`: the database is in {} instead",
            home.display(),
            child.name,
            elsewhere.display()
        );
        Self::at(elsewhere, account)
    }

    fn at(folder: PathBuf, account: Option<Account>) -> Result<Self, PostgresError> {
        files::create_folder(&folder).map_err(PostgresError::io("could not make", &folder))?;
        let place = Self { data: folder.join("data"), socket: folder.join("socket"), folder, account };
        place.make_childs_folder(&place.socket)?;
        Ok(place)
    }

    /// Creates a folder that only the child may enter.
    pub(super) fn make_childs_folder(&self, folder: &Path) -> Result<(), PostgresError> {
        files::create_folder(folder).map_err(PostgresError::io("could not make", folder))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(PostgresError::io("could not close", folder))?;
        self.give(folder)
    }

    /// Makes the child's account the owner.
    pub(super) fn give(&self, path: &Path) -> Result<(), PostgresError> {
        match &self.account {
            Some(child) => chown(path, Some(child.uid), Some(child.gid))
                .map_err(PostgresError::io("could not give to the account of PostgreSQL", path)),
            None => Ok(()),
        }
    }

    /// The major version of the data, if there is data.
    pub(super) fn data_version(&self) -> Result<Option<String>, PostgresError> {
        let path = self.data.join("PG_VERSION");
        let version = files::read_optional(&path).map_err(PostgresError::io("could not read", &path))?;
        Ok(version.map(|version| String::from_utf8_lossy(&version).trim().to_owned()))
    }
}
