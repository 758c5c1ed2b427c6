//! The hosts of a `DATABASE_URL`. One of them is the primary, and a failover makes another one the primary.

use std::time::Duration;

use futures::{StreamExt, stream::FuturesUnordered};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use super::Work;

/// The hosts that the URL names, in its order.
#[derive(Debug, Clone)]
pub(crate) struct Hosts(Vec<PgConnectOptions>);

/// The primary.
pub(crate) struct Primary {
    /// Its index in the list of hosts.
    pub(crate) number: usize,
    /// A connection to the primary.
    pub(crate) connection: PgConnection,
    /// The timeline that it writes.
    pub(crate) timeline: u32,
}

impl Hosts {
    /// Parses `postgres://user:password@first:5432,second:5433/name`. A host may lack its port.
    pub(crate) fn parse(url: &str) -> Result<Self, sqlx::Error> {
        let Some((scheme, rest)) = url.split_once("://") else { return Ok(Self(vec![url.parse()?])) };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let of = |host: &str| format!("{scheme}://{user}{host}{path}").parse::<PgConnectOptions>();
        Ok(Self(hosts.split(',').map(of).collect::<Result<_, _>>()?))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The options of a connection to a host for a kind of work. The first host stands in for an unknown one.
    pub(crate) fn options(&self, number: usize, work: Work) -> PgConnectOptions {
        let host = self.0.get(number).or(self.0.first()).cloned().unwrap_or_default();
        work.options(host)
    }

    /// The first host that proves within `patience` that it is a primary.
    pub(crate) async fn primary(&self, patience: Duration) -> Option<Primary> {
        let knocking = |number: usize| async move {
            let mut connection = self.options(number, Work::Look).connect().await.ok()?;
            match timeline_of(&mut connection).await {
                Ok(Some(timeline)) => Some(Primary { number, connection, timeline }),
                Ok(None) => {
                    let _ = connection.close().await;
                    None
                }
                Err(_) => None,
            }
        };
        let mut all: FuturesUnordered<_> = (0..self.0.len()).map(knocking).collect();
        let first = async {
            loop {
                match all.next().await {
                    Some(Some(found)) => return Some(found),
                    Some(None) => {}
                    None => return None,
                }
            }
        };
        tokio::time::timeout(patience, first).await.ok().flatten()
    }
}

/// Whether the server takes writes. A standby does not, and a read-only server does not.
pub(crate) async fn takes_writes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let read_only: String = sqlx::query_scalar("SHOW transaction_read_only").fetch_one(connection).await?;
    Ok(read_only == "off")
}

/// The timeline that the server writes; `None` if it takes no writes. A standby that becomes the primary begins a new
/// timeline.
pub(crate) async fn timeline_of(connection: &mut PgConnection) -> Result<Option<u32>, sqlx::Error> {
    // The name of a file of the write-ahead log begins with the timeline.
    let file: Option<String> = sqlx::query_scalar(
        "SELECT CASE WHEN NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' \
           THEN pg_walfile_name(pg_current_wal_insert_lsn()) END",
    )
    .fetch_one(connection)
    .await?;
    let timeline = |file: String| file.get(..8).and_then(|first| u32::from_str_radix(first, 16).ok());
    Ok(file.map(|file| timeline(file).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Vec<(String, u16)> {
        let hosts = Hosts::parse(url).unwrap();
        let of = |options: &PgConnectOptions| (options.get_host().to_owned(), options.get_port());
        hosts.0.iter().map(of).collect()
    }

    #[test]
    fn e_a_url_may_name_several_hosts() {
        let two = [("h1".to_owned(), 5432), ("h2".to_owned(), 5433)];
        assert_eq!(parsed("postgres://u:p@h1:5432,h2:5433/db?sslmode=disable"), two);
        assert_eq!(parsed("postgres://u:p%40,x@h1,h2:5433/db"), two);
        assert_eq!(parsed("postgresql://h1/db"), two[..1]);
        let options = Hosts::parse("postgres://u:p@h1,h2/db").unwrap().options(1, Work::Look);
        assert_eq!((options.get_username(), options.get_database()), ("u", Some("db")));
        assert!(Hosts::parse("postgres://u:p@h1:5432,h2:nonsense/db").is_err());
    }
}
