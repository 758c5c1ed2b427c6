//! The arguments and environment variables of several commands.

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

/// To whom the server tells its GraphQL schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Asker {
    /// No one.
    Off,
    /// A request that bears a credential.
    Members,
    /// Everyone.
    Public,
}

/// Where the server listens and how it treats who comes.
#[derive(Debug, Clone, Args)]
pub struct HttpArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, env = "INLET_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// What the outside calls this server, for the URLs of sources. Default: where it listens.
    #[arg(long, env = "INLET_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Threads that serve HTTP. Default: one a core.
    #[arg(long, env = "INLET_HTTP_WORKERS", value_name = "THREADS")]
    pub http_workers: Option<NonZeroUsize>,
    /// The largest body that a provider may post, in bytes.
    #[arg(long, env = "INLET_MAX_BODY", value_name = "BYTES", default_value_t = 1 << 20)]
    pub max_body: usize,
    /// Networks of the proxies in front, whose word on the client's address is taken. Comma-separated, in CIDR notation.
    #[arg(long, env = "INLET_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',')]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Who may ask for the GraphQL schema.
    #[arg(long, env = "INLET_INTROSPECTION", value_name = "WHO", default_value = "members")]
    pub introspection: Asker,
    /// Origins whose pages may call GraphQL from a browser, beside our own. Comma-separated, as `https://host[:port]`.
    #[arg(long, env = "INLET_ALLOWED_ORIGINS", value_name = "ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<String>,
    /// How long a GraphQL operation, or one answer of a subscription, may take, in seconds. Then it is given up, in the
    /// database too.
    #[arg(
        long, env = "INLET_OPERATION_SECONDS", value_name = "SECONDS", default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub operation_seconds: u64,
    /// The most bytes of a GraphQL answer. An operation whose answer grows beyond it is given up with LIMIT_EXCEEDED.
    #[arg(
        long, env = "INLET_MAX_ANSWER", value_name = "BYTES", default_value_t = ApiConfig::default().max_answer
    )]
    pub max_answer: usize,
    /// The most GraphQL sockets and event streams of this process.
    #[arg(long, env = "INLET_MAX_LIVE", value_name = "NUMBER", default_value_t = ApiConfig::default().max_live)]
    pub max_live: usize,
    /// The most of them of one member or API key.
    #[arg(long, env = "INLET_MAX_LIVE_EACH", value_name = "NUMBER", default_value_t = ApiConfig::default().max_live_each)]
    pub max_live_each: usize,
    /// Where `/metrics` is served, instead of beside everything else; port 0 takes a free one. Use an address that only
    /// Prometheus can reach.
    #[arg(long, env = "INLET_METRICS_LISTEN", value_name = "HOST:PORT")]
    pub metrics_listen: Option<String>,
    /// A token that `/metrics` asks for, as `Authorization: Bearer TOKEN`. Better in the environment than on the command
    /// line, which others can see.
    #[arg(
        long, env = "INLET_METRICS_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = metrics_token
    )]
    pub metrics_token: Option<SecretString>,
    /// How long a stop waits for what is in hand, in seconds.
    #[arg(long, env = "INLET_SHUTDOWN_SECONDS", value_name = "SECONDS", default_value_t = 25)]
    pub shutdown_seconds: u64,
}

/// An origin as a browser writes it: no path, no slash at the end, lower case.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text.trim()).map_err(|error| error.to_string())?;
    let origin = url.origin();
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if origin.is_tuple() && is_bare {
        Ok(origin.ascii_serialization())
    } else {
        Err("write it as https://host or https://host:port".to_owned())
    }
}

/// A token that nobody guesses, and that stands in a header.
pub(super) fn metrics_token(text: &str) -> Result<SecretString, String> {
    let is_token = text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then(|| text.into()).ok_or_else(|| {
        "a token has at least 16 visible ASCII characters: make one with `openssl rand -hex 32`".to_owned()
    })
}

/// Three for each core, and four at least: a Postgres on the same machine that reads for more at once has no time left to
/// commit what providers post.
fn connections() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    u32::try_from(cores).unwrap_or(u32::MAX).saturating_mul(3).clamp(4, 32)
}

/// How the server works with Postgres.
#[derive(Debug, Clone, Args)]
pub struct WorkArgs {
    /// The most connections for reads; there are half as many more for writes.
    #[arg(long, env = "INLET_CONNECTIONS", value_name = "NUMBER", default_value_t = connections())]
    pub connections: u32,
    /// Transactions that commit providers' events at the same time; each has a connection of its own.
    #[arg(long, env = "INLET_LANES", value_name = "NUMBER", default_value_t = ApplyConfig::default().lanes)]
    pub lanes: usize,
    /// Providers' requests that may wait for a commit; beyond it they are answered 503.
    #[arg(long, env = "INLET_QUEUE", value_name = "NUMBER", default_value_t = ApplyConfig::default().queue)]
    pub queue: usize,
    /// For how long what grows with time is kept.
    #[command(flatten)]
    pub retention: RetentionArgs,
}

/// For how long what grows with time is kept. Whole days (UTC) are dropped when their last moment is so long ago.
#[derive(Debug, Clone, Args)]
pub struct RetentionArgs {
    /// Days to keep providers' requests as they came. Older ones can be neither shown nor replayed.
    #[arg(
        long, env = "INLET_RETAIN_INBOUND_DAYS", value_name = "DAYS",
        default_value_t = Retention::default().inbound_events, value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub retain_inbound_days: u32,
    /// Days to keep the event log. A subscriber that was away for longer is told to read its lists anew. A day stays as
    /// long as a webhook has still to get an event of it.
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
    /// Days to keep what became of each event at each webhook. What a paused webhook has not got by then is skipped.
    #[arg(
        long, env = "INLET_RETAIN_DELIVERY_DAYS", value_name = "DAYS",
        default_value_t = Retention::default().deliveries, value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub retain_delivery_days: u32,
    /// Days to keep each exchange with a webhook.
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
    /// As the store takes it.
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

/// Where letters to people go: invitations, and links for forgotten passwords.
#[derive(Clone, Default, Args)]
pub struct MailArgs {
    /// Where letters to people are posted as JSON, for you to send them. Without it nobody can prove an email, and nobody
    /// can reset a password by mail.
    #[arg(long, env = "INLET_MAIL_HOOK_URL", value_name = "URL", requires = "mail_hook_secret")]
    mail_hook_url: Option<String>,
    /// What the letters are signed with, as webhooks are (Standard Webhooks): `whsec_` and base64. Better in the environment
    /// than on the command line, which others can see.
    #[arg(long, env = "INLET_MAIL_HOOK_SECRET", value_name = "SECRET", hide_env_values = true)]
    mail_hook_secret: Option<SecretString>,
}

impl std::fmt::Debug for MailArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailArgs").field("mail_hook_url", &self.mail_hook_url).finish_non_exhaustive()
    }
}

impl MailArgs {
    /// The hook, where one is set up.
    ///
    /// # Errors
    /// Where its URL or its secret will not do.
    pub fn hook(&self) -> Result<Option<MailHook>, ServerError> {
        match (&self.mail_hook_url, &self.mail_hook_secret) {
            (Some(url), Some(secret)) => Ok(Some(MailHook::new(url, secret.clone())?)),
            _ => Ok(None),
        }
    }
}

/// The database of a command that needs one.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// The database, as `postgres://user:password@host/name`. Of several hosts, `h1:5432,h2:5433`, the one that takes writes
    /// is found and followed.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: String,
}

/// The keys that seal secrets at rest.
#[derive(Clone, Args)]
pub struct SecretsArgs {
    /// The key for secrets, 64 hex digits. Better in the environment than on the command line, which others can see.
    #[arg(
        long,
        env = "INLET_SECRETS_KEY",
        value_name = "KEY",
        hide_env_values = true,
        conflicts_with = "secrets_keys"
    )]
    secrets_key: Option<String>,
    /// Several keys, while one replaces another: `1:<64 hex digits>,2:<64 hex digits>`. The highest version seals.
    #[arg(long, env = "INLET_SECRETS_KEYS", value_name = "KEYS", hide_env_values = true)]
    secrets_keys: Option<String>,
    /// A file that holds the keys, in the same form.
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
    /// The keys that were given.
    ///
    /// # Errors
    /// Where there is none: a server must not start without.
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
