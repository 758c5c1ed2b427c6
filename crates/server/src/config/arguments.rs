//! Arguments and environment variables that several commands share.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};
use inlet_api::ApiConfig;
use inlet_domain::{ambient::Ambient, secrets::Sealer};
use inlet_notifier::MailHook;
use inlet_store::{apply::ApplyConfig, records::retention::Retention};
use secrecy::SecretString;

use crate::{
    error::{InvalidKeys, ServerError},
    files, keys,
};

/// The callers that may read the GraphQL schema by introspection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Asker {
    /// No one.
    Off,
    /// Requests with a credential.
    Members,
    /// Everyone.
    Public,
}

/// The listener, and the bounds on requests.
#[derive(Debug, Clone, Args)]
pub struct HttpArgs {
    /// The address to listen on; port 0 takes a free port.
    #[arg(long, env = "INLET_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// The base URL of this server for the outside. The URLs of sources and the links of invitations and password resets
    /// begin with it. Default: the address that the server listens on.
    #[arg(long, env = "INLET_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Threads that serve HTTP. Default: one for each core.
    #[arg(long, env = "INLET_HTTP_WORKERS", value_name = "THREADS")]
    pub http_workers: Option<NonZeroUsize>,
    /// The largest body that a provider may post, in bytes.
    #[arg(long, env = "INLET_MAX_BODY", value_name = "BYTES", default_value_t = 1 << 20)]
    pub max_body: usize,
    /// Networks of the proxies in front, whose `X-Forwarded-For` the server believes. Comma-separated, in CIDR
    /// notation.
    #[arg(long, env = "INLET_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',')]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// The callers that may read the GraphQL schema by introspection.
    #[arg(long, env = "INLET_INTROSPECTION", value_name = "WHO", default_value = "members")]
    pub introspection: Asker,
    /// Further origins whose pages may call GraphQL from a browser. Comma-separated, as `https://host[:port]`.
    #[arg(long, env = "INLET_ALLOWED_ORIGINS", value_name = "ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<String>,
    /// The longest duration of a GraphQL operation, or of one answer of a subscription, in seconds. After it the server
    /// ends the operation, in the database too.
    #[arg(
        long, env = "INLET_OPERATION_SECONDS", value_name = "SECONDS", default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub operation_seconds: u64,
    /// The most bytes of a GraphQL answer, or of one update of a subscription. The server ends an operation with a larger
    /// answer with LIMIT_EXCEEDED; the changes of a mutation stay. Keep this at several times --max-body, or long messages
    /// cannot be read.
    #[arg(
        long, env = "INLET_MAX_ANSWER", value_name = "BYTES", default_value_t = ApiConfig::default().max_answer
    )]
    pub max_answer: usize,
    /// The most GraphQL sockets and event streams of this process.
    #[arg(long, env = "INLET_MAX_LIVE", value_name = "NUMBER", default_value_t = ApiConfig::default().max_live)]
    pub max_live: usize,
    /// The most GraphQL sockets and event streams of one member or API key in this process.
    #[arg(long, env = "INLET_MAX_LIVE_EACH", value_name = "NUMBER", default_value_t = ApiConfig::default().max_live_each)]
    pub max_live_each: usize,
    /// A separate address for `/metrics`; port 0 takes a free port. The main listener then does not serve `/metrics`.
    /// Use an address that only Prometheus can reach.
    #[arg(long, env = "INLET_METRICS_LISTEN", value_name = "HOST:PORT")]
    pub metrics_listen: Option<String>,
    /// The token that `/metrics` requires, as `Authorization: Bearer TOKEN`. Prefer the environment: other users of the
    /// machine can see the command line.
    #[arg(
        long, env = "INLET_METRICS_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = metrics_token
    )]
    pub metrics_token: Option<SecretString>,
    /// How many seconds a stop waits for requests and deliveries in hand.
    #[arg(long, env = "INLET_SHUTDOWN_SECONDS", value_name = "SECONDS", default_value_t = 25)]
    pub shutdown_seconds: u64,
}

/// Normalises an origin as browsers write it: no path, no slash at the end, lower case.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text.trim()).map_err(|error| error.to_string())?;
    let origin = url.origin();
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if origin.is_tuple() && is_bare {
        Ok(origin.ascii_serialization())
    } else {
        Err("an origin has no path: write it as https://host or https://host:port".to_owned())
    }
}

/// A token that is hard to guess and fits a header.
pub(super) fn metrics_token(text: &str) -> Result<SecretString, String> {
    let is_token = text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then(|| text.into()).ok_or_else(|| {
        "a token has at least 16 visible ASCII characters: make one with `openssl rand -hex 32`".to_owned()
    })
}

/// Three for each core, and at least four. With more concurrent reads, a Postgres on the same machine has no CPU time
/// left to commit providers' requests.
fn connections() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    u32::try_from(cores).unwrap_or(u32::MAX).saturating_mul(3).clamp(4, 32)
}

/// The use of Postgres.
#[derive(Debug, Clone, Args)]
pub struct WorkArgs {
    /// The most connections for reads. Writes have half as many more.
    #[arg(long, env = "INLET_CONNECTIONS", value_name = "NUMBER", default_value_t = connections())]
    pub connections: u32,
    /// How many transactions commit providers' events at the same time. Each has a connection of its own.
    #[arg(long, env = "INLET_LANES", value_name = "NUMBER", default_value_t = ApplyConfig::default().lanes)]
    pub lanes: usize,
    /// How many requests of providers may wait for a commit. The server answers 503 to further requests.
    #[arg(long, env = "INLET_QUEUE", value_name = "NUMBER", default_value_t = ApplyConfig::default().queue)]
    pub queue: usize,
    /// How many days the database keeps data that grows with time.
    #[command(flatten)]
    pub retention: RetentionArgs,
}

/// How many days the database keeps data that grows with time. The server drops a whole day (UTC) when its end is that
/// many days ago.
#[derive(Debug, Clone, Args)]
pub struct RetentionArgs {
    /// Days to keep providers' requests. Older requests can be neither shown nor replayed.
    #[arg(
        long, env = "INLET_RETAIN_INBOUND_DAYS", value_name = "DAYS",
        default_value_t = Retention::default().inbound_events, value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub retain_inbound_days: u32,
    /// Days to keep the event log. A subscriber with an older cursor is told to read its lists anew. The server keeps a
    /// day longer while a webhook still has an event of it to get.
    #[arg(
        long, env = "INLET_RETAIN_EVENT_DAYS", value_name = "DAYS",
        default_value_t = Retention::default().events, value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub retain_event_days: u32,
    /// Days to keep the history of messages' statuses. The messages keep their last status.
    #[arg(
        long, env = "INLET_RETAIN_REPORT_DAYS", value_name = "DAYS",
        default_value_t = Retention::default().status_reports, value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub retain_report_days: u32,
    /// Days to keep the result of each event for each webhook. Events that a paused webhook still holds by then are
    /// skipped.
    #[arg(
        long, env = "INLET_RETAIN_DELIVERY_DAYS", value_name = "DAYS",
        default_value_t = Retention::default().deliveries, value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub retain_delivery_days: u32,
    /// Days to keep each attempt of a webhook delivery.
    #[arg(
        long, env = "INLET_RETAIN_ATTEMPT_DAYS", value_name = "DAYS",
        default_value_t = Retention::default().attempts, value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub retain_attempt_days: u32,
    /// Days to keep the audit log.
    #[arg(
        long, env = "INLET_RETAIN_AUDIT_DAYS", value_name = "DAYS",
        default_value_t = Retention::default().audit_entries, value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub retain_audit_days: u32,
}

impl RetentionArgs {
    /// The retention of these arguments.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            inbound_events: self.retain_inbound_days,
            events: self.retain_event_days,
            status_reports: self.retain_report_days,
            deliveries: self.retain_delivery_days,
            attempts: self.retain_attempt_days,
            audit_entries: self.retain_audit_days,
        }
    }
}

/// The receiver of letters to people: invitations, and links for forgotten passwords.
#[derive(Clone, Default, Args)]
pub struct MailArgs {
    /// The URL that Inlet posts letters to as JSON; your service there sends the mail. Without it no one can prove an
    /// email or reset a password by mail.
    #[arg(long, env = "INLET_MAIL_HOOK_URL", value_name = "URL", requires = "mail_hook_secret")]
    mail_hook_url: Option<String>,
    /// The secret that signs the letters as webhooks are signed (Standard Webhooks): `whsec_` and base64. Prefer the
    /// environment: other users of the machine can see the command line.
    #[arg(
        long,
        env = "INLET_MAIL_HOOK_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        requires = "mail_hook_url"
    )]
    mail_hook_secret: Option<SecretString>,
}

impl std::fmt::Debug for MailArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailArgs").field("mail_hook_url", &self.mail_hook_url).finish_non_exhaustive()
    }
}

impl MailArgs {
    /// The hook, if one is configured.
    ///
    /// # Errors
    /// The URL or the secret is invalid.
    pub fn hook(&self) -> Result<Option<MailHook>, ServerError> {
        match (&self.mail_hook_url, &self.mail_hook_secret) {
            (Some(url), Some(secret)) => Ok(Some(MailHook::new(url, secret.clone())?)),
            _ => Ok(None),
        }
    }
}

/// The database of a command.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// The database, as `postgres://user:password@host/name`. With several hosts, `h1:5432,h2:5433`, Inlet finds the
    /// host that takes writes, and follows it.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: String,
}

/// The keys that seal secrets at rest.
#[derive(Clone, Args)]
pub struct SecretsArgs {
    /// The key for secrets, 64 hex digits. Prefer the environment: other users of the machine can see the command line.
    #[arg(
        long,
        env = "INLET_SECRETS_KEY",
        value_name = "KEY",
        hide_env_values = true,
        conflicts_with = "secrets_keys"
    )]
    secrets_key: Option<String>,
    /// Several keys during a change of the key: `1:<64 hex digits>,2:<64 hex digits>`. The highest version seals.
    #[arg(long, env = "INLET_SECRETS_KEYS", value_name = "KEYS", hide_env_values = true)]
    secrets_keys: Option<String>,
    /// A file with the key or the keys, in the same form.
    #[arg(
        long, env = "INLET_SECRETS_KEY_FILE", value_name = "FILE", conflicts_with_all = ["secrets_key", "secrets_keys"]
    )]
    secrets_key_file: Option<std::path::PathBuf>,
}

impl std::fmt::Debug for SecretsArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretsArgs").field("secrets_key_file", &self.secrets_key_file).finish_non_exhaustive()
    }
}

impl SecretsArgs {
    /// The sealer with these keys.
    ///
    /// # Errors
    /// No key was given, or a key is malformed.
    pub fn sealer(&self, ambient: &Ambient) -> Result<Sealer, ServerError> {
        if let Some(path) = &self.secrets_key_file {
            let bytes = files::read_optional(path)
                .map_err(ServerError::file("could not read", path))?
                .ok_or(InvalidKeys::Missing)?;
            return Ok(keys::parse(&String::from_utf8_lossy(&bytes), ambient)?);
        }
        let text = self.secrets_keys.as_deref().or(self.secrets_key.as_deref()).unwrap_or_default();
        Ok(keys::parse(text, ambient)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_metrics_is_long_enough_and_fits_a_header() {
        assert!(metrics_token("0123456789abcdef").is_ok());
        for bad in ["", "0123456789abcde", "0123456789abcdef ", "0123456789abcdé!"] {
            assert!(metrics_token(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_kept_as_browsers_write_it() {
        assert_eq!(origin("https://Desk.example:443/").as_deref(), Ok("https://desk.example"));
        assert_eq!(origin("http://localhost:3000").as_deref(), Ok("http://localhost:3000"));
        for bad in ["*", "desk.example", "https://desk.example/inbox", "null", "file:///x", "data:x"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
