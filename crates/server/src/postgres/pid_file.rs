//! `postmaster.pid`. The supervisor never deletes it: with it Postgres finds processes of a dead server that still hold
//! its shared memory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nix::{errno::Errno, sys::signal::kill, unistd::Pid};

/// The lines of `postmaster.pid` that the supervisor uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    /// Line 4. Postgres writes lines 4 and 5 a little after the first.
    pub(super) port: Option<u16>,
    pub(super) socket: Option<PathBuf>,
    /// Line 8: `starting`, `stopping`, `ready`, `standby`.
    pub(super) status: String,
}

impl PidFile {
    pub(super) fn path(data: &Path) -> PathBuf {
        data.join("postmaster.pid")
    }

    /// `None` if the file does not exist or is still empty.
    pub(super) fn read(data: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(Self::path(data)) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let line = |number: usize| lines.get(number - 1).copied().filter(|line| !line.is_empty());
        Some(Self {
            pid: line(1)?.parse().ok()?,
            port: line(4).and_then(|port| port.parse().ok()),
            socket: line(5).map(PathBuf::from),
            status: line(8).unwrap_or_default().to_owned(),
        })
    }

    pub(super) fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

/// The kind of process that a pid file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// A server for this data.
    Ours,
    /// Another program that got the dead server's pid. Postgres would take it for a server of this data.
    Foreign,
    /// No process that would block a start.
    Gone,
}

/// Classifies the process `pid`.
pub(super) fn process(pid: i32, data: &Path) -> Process {
    match kill(Pid::from_raw(pid), None) {
        Ok(()) => {}
        // A process of another account: Postgres does not take it for its own either.
        Err(Errno::EPERM | Errno::ESRCH) => return Process::Gone,
        Err(_) => return Process::Foreign,
    }
    if serves(pid, data) { Process::Ours } else { Process::Foreign }
}

fn serves(pid: i32, data: &Path) -> bool {
    if Path::new("/proc/self/cmdline").exists() {
        // Empty for a process that has ended and whose parent has not waited for it.
        let Ok(bytes) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
        let mut arguments = bytes.split(|byte| *byte == 0);
        let is_postgres = arguments.next().is_some_and(|program| program.ends_with(b"postgres"));
        return is_postgres && arguments.any(|argument| argument == data.as_os_str().as_encoded_bytes());
    }
    // Systems without /proc, such as macOS.
    let Ok(output) = std::process::Command::new("ps").args(["-p", &pid.to_string(), "-o", "command="]).output() else {
        return false;
    };
    let command = String::from_utf8_lossy(&output.stdout);
    command.contains("postgres -D") && command.contains(&*data.to_string_lossy())
}

/// Removes the sockets of a dead server. The folder belongs to that server alone. Postgres would take the pid in a
/// socket's lock file for a live server if any process has that pid.
pub(super) fn remove_sockets(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(".s.PGSQL.") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Replaces the pid of a foreign process by the supervisor's own, and keeps the other lines. Postgres does not take its
/// parent for another server.
pub(super) fn disown(data: &Path) -> io::Result<()> {
    let path = PidFile::path(data);
    let text = fs::read_to_string(&path)?;
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    // Written in place, so that the file keeps its owner, who is not root.
    fs::write(&path, format!("{}\n{rest}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str = "4242\n/data\n1700000000\n5433\n/run\n127.0.0.1\n  1234567  32768\nready   \n";

    #[test]
    fn reads_a_whole_file_and_one_that_is_being_written() {
        let file = PidFile::parse(READY).unwrap();
        assert_eq!((file.pid, file.port, file.is_ready()), (4242, Some(5433), true));
        assert_eq!(file.socket, Some("/run".into()));
        let early = PidFile::parse("4242\n/data\n1700000000\n5433\n\n").unwrap();
        assert!(!early.is_ready());
        assert_eq!(early.socket, None);
        assert_eq!(PidFile::parse(""), None);
    }

    #[test]
    fn tells_a_foreign_process_from_a_dead_one() {
        let data = Path::new("/no/such/data");
        assert_eq!(process(i32::try_from(std::process::id()).unwrap(), data), Process::Foreign);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        child.wait().unwrap();
        assert_eq!(process(pid, data), Process::Gone);
    }

    #[test]
    fn disowning_changes_the_first_line_alone() {
        let data = tempfile::tempdir().unwrap();
        fs::write(PidFile::path(data.path()), READY).unwrap();
        disown(data.path()).unwrap();
        let text = fs::read_to_string(PidFile::path(data.path())).unwrap();
        assert_eq!(text, READY.replace("4242", &std::process::id().to_string()));
    }
}
