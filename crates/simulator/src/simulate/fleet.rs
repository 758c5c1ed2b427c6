//! The processes of a run.

use std::path::Path;

use super::SimulateArgs;
use crate::{
    SimulatorError,
    doors::Doors,
    server::{Server, is_ready},
    target::Target,
    wire::Endpoint,
};

/// Processes over one database: a server that ran already, if any, and those that the run started.
#[derive(Debug)]
pub(super) struct Fleet {
    /// The address of the server that ran already.
    given: Option<String>,
    /// The started servers. The first owns the database, unless a server ran already.
    pub(super) servers: Vec<Server>,
    /// Whether the data folder was new.
    pub(super) is_new: bool,
}

impl Fleet {
    /// For a plain run, the running server; with chaos or kills, two processes.
    ///
    /// # Errors
    /// A server cannot be started, or one runs already and kills were requested.
    pub(super) async fn gather(args: &SimulateArgs) -> Result<Self, SimulatorError> {
        if !args.chaos && args.kills == 0 {
            return Ok(Self { given: None, servers: Vec::new(), is_new: false });
        }
        let own = std::env::current_exe().map_err(SimulatorError::io("the path of this program"))?;
        let binary = args.server.as_deref().unwrap_or(&own);
        let given = running(&args.data_dir).await;
        let is_new = !args.data_dir.join("dev.json").exists();
        let mut servers = Vec::new();
        match &given {
            Some(address) if args.kills > 0 => {
                return Err(SimulatorError::Refused {
                    what: "a run with kills".into(),
                    answer: format!(
                        "a server runs on this data folder at {address}: stop it, or give another --data-dir"
                    ),
                });
            }
            Some(_) => {}
            None => servers.push(Server::start(binary, &args.data_dir).await?),
        }
        let target = Target::find(&args.data_dir).await?;
        servers.push(Server::start_beside(binary, &args.data_dir, &target, "second").await?);
        Ok(Self { given, servers, is_new })
    }

    /// Adds every process to the doors.
    pub(super) fn open(&self, doors: &mut Doors) {
        for server in &self.servers {
            doors.add_process(server.address());
        }
    }

    /// The names of the processes: their pids, if the run started them.
    pub(super) fn names(&self) -> Vec<String> {
        let given = self.given.iter().map(|address| format!("the one at {address}"));
        let started =
            self.servers.iter().filter_map(|server| Some(format!("{} at {}", server.pid()?, server.address())));
        given.chain(started).collect()
    }

    /// The pids of the processes that the run started.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.servers.iter().filter_map(Server::pid).collect()
    }

    /// Stops the processes of the run, the one with the database last.
    ///
    /// # Errors
    /// A process does not stop.
    pub(super) async fn stop(self) -> Result<(), SimulatorError> {
        for server in self.servers.into_iter().rev() {
            server.stop().await?;
        }
        Ok(())
    }
}

/// The address of the server of a data folder, if it runs.
async fn running(data_dir: &Path) -> Option<String> {
    let target = Target::find(data_dir).await.ok()?;
    let address = Endpoint::parse(&target.url)?.address;
    is_ready(&address).await.then_some(address)
}
