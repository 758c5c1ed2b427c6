//! Limits the attempts to log in, by login and by client address. The attempt counts in the database before the
//! password is checked. So the limit holds for any number of processes and concurrent attempts (see docs/adr/0008).

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{ambient::Ambient, ids::WorkspaceId, secrets::Sealer};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{database::Database, error::StoreError};

/// The failed attempts at one login before a block.
pub const MOST_OF_LOGIN: i32 = 5;
/// The failed attempts from one address before a block. Many people may share an address.
pub const MOST_OF_ADDRESS: i32 = 20;
/// The count starts anew this long after the last attempt or block.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::minutes(5);
/// The first block. Each further failure doubles the block.
const FIRST_BLOCK: TimeDelta = TimeDelta::minutes(1);
/// The longest block. It is short because a stranger can cause it.
const LONGEST_BLOCK: TimeDelta = TimeDelta::minutes(15);

/// The key of a count, beside the client address. Emails are in the normal form of logins.
#[derive(Debug, Clone, Copy)]
pub enum Gate<'a> {
    /// A login by email alone.
    Email(&'a str),
    /// A login to one workspace.
    Workspace(&'a str, WorkspaceId),
    /// A login to an unknown workspace.
    Unknown(&'a str, &'a str),
    /// A request for a new password, with a count of its own.
    Reset(&'a str),
}

impl Gate<'_> {
    fn bucket(self, sealer: &Sealer) -> Vec<u8> {
        match self {
            Self::Email(email) => bucket(sealer, "login attempts of a login", email),
            Self::Workspace(email, workspace) => {
                bucket(sealer, "login attempts of a login in a workspace", &format!("{}\n{email}", workspace.0))
            }
            Self::Unknown(email, text) => {
                bucket(sealer, "login attempts of a login in no workspace", &format!("{text}\n{email}"))
            }
            Self::Reset(email) => bucket(sealer, "password resets of a login", email),
        }
    }

    /// The key of the count of an address.
    fn purpose(self) -> &'static str {
        match self {
            Self::Reset(_) => "password resets of an address",
            _ => "login attempts of an address",
        }
    }
}

/// A counted attempt. A right password takes it back.
#[derive(Debug)]
pub struct Try {
    login: Vec<u8>,
    address: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    attempts: i32,
    last_at: DateTime<Utc>,
    blocked_until: Option<DateTime<Utc>>,
}

impl Count {
    /// The count after one more attempt, or the remaining time of a block.
    fn next(self, now: DateTime<Utc>, most: i32) -> Result<Self, TimeDelta> {
        if let Some(until) = self.blocked_until.filter(|until| *until > now) {
            return Err(until - now);
        }
        let quiet_since = self.blocked_until.map_or(self.last_at, |until| until.max(self.last_at));
        let attempts = if now - quiet_since > FORGOTTEN_AFTER { 1 } else { self.attempts.saturating_add(1) };
        Ok(Self { attempts, last_at: now, blocked_until: block(attempts, most).map(|length| now + length) })
    }
}

/// The block after so many failures.
fn block(attempts: i32, most: i32) -> Option<TimeDelta> {
    let beyond = u32::try_from(attempts - most).ok()?;
    let length = FIRST_BLOCK.checked_mul(1_i32.checked_shl(beyond.min(16)).unwrap_or(i32::MAX));
    Some(length.map_or(LONGEST_BLOCK, |length| length.min(LONGEST_BLOCK)))
}

/// A bucket's name hides the login, because people type passwords there too.
fn bucket(sealer: &Sealer, purpose: &str, text: &str) -> Vec<u8> {
    sealer.keyed_hash(WorkspaceId(Uuid::nil()), purpose, text.as_bytes()).to_vec()
}

/// One client with IPv6 usually has 2^64 addresses, so the network counts.
fn network(client: IpAddr) -> String {
    match client.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x}", address.to_bits() >> 64),
    }
}

/// Counts an attempt.
///
/// # Errors
/// `RateLimited` where the login or the address is blocked. The attempt then does not count.
pub async fn count(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    gate: Gate<'_>,
    client: Option<IpAddr>,
) -> Result<Try, StoreError> {
    let login = gate.bucket(sealer);
    let address = client.map(|client| bucket(sealer, gate.purpose(), &network(client)));
    let mut buckets = vec![(login.clone(), MOST_OF_LOGIN)];
    buckets.extend(address.clone().map(|address| (address, MOST_OF_ADDRESS)));
    buckets.sort();
    let now = ambient.now();
    let mut conn = database.writes.acquire().await?;
    let mut transaction = conn.begin().await?;
    let mut longest: Option<TimeDelta> = None;
    for (bucket, most) in &buckets {
        match lock(&mut transaction, bucket, now).await?.next(now, *most) {
            Ok(count) => write(&mut transaction, bucket, count).await?,
            Err(wait) => longest = longest.max(Some(wait)),
        }
    }
    match longest {
        Some(wait) => {
            metrics::counter!("inlet_login_limited_total").increment(1);
            Err(StoreError::RateLimited { retry_after: wait.to_std().unwrap_or(Duration::from_secs(1)) })
        }
        None => {
            transaction.commit().await?;
            Ok(Try { login, address })
        }
    }
}

async fn lock(conn: &mut PgConnection, bucket: &[u8], now: DateTime<Utc>) -> Result<Count, StoreError> {
    // An update that changes nothing locks an existing row.
    let (attempts, last_at, blocked_until) = sqlx::query_as(
        "INSERT INTO login_attempt AS a (bucket, attempts, last_at) VALUES ($1, 0, $2) \
         ON CONFLICT (bucket) DO UPDATE SET attempts = a.attempts RETURNING attempts, last_at, blocked_until",
    )
    .bind(bucket)
    .bind(now)
    .fetch_one(conn)
    .await
    .map_err(StoreError::or_busy)?;
    Ok(Count { attempts, last_at, blocked_until })
}

async fn write(conn: &mut PgConnection, bucket: &[u8], count: Count) -> Result<(), StoreError> {
    sqlx::query("UPDATE login_attempt SET attempts = $2, last_at = $3, blocked_until = $4 WHERE bucket = $1")
        .bind(bucket)
        .bind(count.attempts)
        .bind(count.last_at)
        .bind(count.blocked_until)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes one attempt out of a bucket.
async fn less(conn: &mut PgConnection, bucket: &[u8], most: i32) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE login_attempt SET attempts = greatest(attempts - 1, 0), \
           blocked_until = CASE WHEN attempts <= $2 THEN NULL ELSE blocked_until END WHERE bucket = $1",
    )
    .bind(bucket)
    .bind(most)
    .execute(conn)
    .await?;
    Ok(())
}

impl Try {
    /// Records a right password: the count of the login starts anew, and the count of the address loses this attempt.
    pub async fn give_back(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        self.give(conn, true).await
    }

    /// Records a right password that does not tell who made the earlier attempts: both counts lose this attempt only.
    pub async fn give_back_one(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        self.give(conn, false).await
    }

    async fn give(&self, conn: &mut PgConnection, counts_anew: bool) -> Result<(), StoreError> {
        let mut transaction = conn.begin().await?;
        let conn = &mut *transaction;
        // Use the order of [`count`], so that the two cannot deadlock.
        let buckets: Vec<&[u8]> =
            [Some(&self.login), self.address.as_ref()].into_iter().flatten().map(Vec::as_slice).collect();
        sqlx::query("SELECT FROM login_attempt WHERE bucket = ANY($1) ORDER BY bucket FOR UPDATE")
            .bind(buckets)
            .execute(&mut *conn)
            .await
            .map_err(StoreError::or_busy)?;
        if counts_anew {
            sqlx::query("DELETE FROM login_attempt WHERE bucket = $1").bind(&self.login).execute(&mut *conn).await?;
        } else {
            less(&mut *conn, &self.login, MOST_OF_LOGIN).await?;
        }
        if let Some(address) = &self.address {
            less(&mut *conn, address, MOST_OF_ADDRESS).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Records a wrong password. For an unknown login, the function writes too, so that both cases take the same time.
    pub async fn keep(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("UPDATE login_attempt SET last_at = $2 WHERE bucket = $1")
            .bind(&self.login)
            .bind(now)
            .execute(conn)
            .await
            .map_err(StoreError::or_busy)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn five_failures_block_and_each_further_one_blocks_for_longer() {
        let mut count = Count { attempts: 0, last_at: at(0), blocked_until: None };
        for second in 0..5 {
            count = count.next(at(second), 5).unwrap();
        }
        assert_eq!(count.next(at(5), 5), Err(TimeDelta::seconds(59)));
        let mut now = 64;
        for minutes in [2, 4, 8, 15, 15] {
            count = count.next(at(now), 5).unwrap();
            assert_eq!(count.next(at(now), 5), Err(TimeDelta::minutes(minutes)));
            now += minutes * 60;
        }
        let later = count.next(at(now) + FORGOTTEN_AFTER + TimeDelta::seconds(1), 5).unwrap();
        assert_eq!((later.attempts, later.blocked_until), (1, None), "it is forgotten");
        assert_eq!(block(i32::MAX, 5), Some(LONGEST_BLOCK));
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
