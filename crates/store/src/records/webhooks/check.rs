//! Checks and normalises the input for webhooks.

use std::collections::{BTreeMap, BTreeSet};

use inlet_domain::{
    compose::{Composer, Composition},
    event::{
        EventType,
        pattern::{is_event_pattern, wants},
        schema,
        webhook_filter::WebhookFilter,
    },
    ids::ChannelId,
    model::{
        name,
        right::Gift,
        target::TargetPolicy,
        webhook::{LegacySignature, RetryPreset},
    },
    scope::Scope,
};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::OwnHeader;
use crate::error::StoreError;

/// The most own headers of a webhook.
pub const MOST_HEADERS: usize = 20;
/// The longest value of a header, in bytes.
const LONGEST_VALUE: usize = 4_096;
/// The most values in one list of a filter, and the most event types.
const MOST_VALUES: usize = 100;
/// The longest delay between two attempts, in seconds.
const LONGEST_DELAY: i32 = 100_000;

/// The settings of a webhook that are no secret.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Settings {
    /// A name for people; 1 to 200 characters.
    pub name: String,
    /// The URL of the receiver. With a composition, a template.
    pub url: String,
    /// Exact names or `<entity>.*`. Empty: all types.
    pub event_types: Vec<String>,
    /// Send notes and activities too.
    pub include_notes: bool,
    /// The other conditions of an event.
    #[sqlx(json)]
    pub filter: WebhookFilter,
    /// The channel that the webhook belongs to. It receives the events of this channel alone.
    #[sqlx(rename = "channel_id")]
    pub channel: Option<ChannelId>,
    /// The limit of connect and exchange together, 1 to 30. `None`: the preset's.
    pub timeout_seconds: Option<i32>,
    /// 1 to 20. `None`: as many as the delays allow.
    pub max_attempts: Option<i32>,
    /// The delays between attempts.
    pub retry_preset: RetryPreset,
    /// The seconds between attempts instead of the preset's: 1 to 19 delays, each 1 to 100,000.
    pub retry_delays: Option<Vec<i32>>,
    /// The most requests under way at once; 1 to 256.
    pub max_concurrency: i32,
    /// The most requests a second from each process; 1 to 10,000.
    pub rate_limit: Option<i32>,
    /// The form of the requests. `None`: the event itself.
    #[sqlx(json(nullable))]
    pub composition: Option<Composition>,
}

impl Settings {
    /// The default settings.
    #[must_use]
    pub fn of(name: &str, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            event_types: Vec::new(),
            include_notes: false,
            filter: WebhookFilter::default(),
            channel: None,
            timeout_seconds: None,
            max_attempts: None,
            retry_preset: RetryPreset::Documented,
            retry_delays: None,
            max_concurrency: 64,
            rate_limit: None,
            composition: None,
        }
    }

    /// What the receiver learns. `None` where it learns of webhooks alone, so of nothing in the inbox.
    #[must_use]
    pub fn gift(&self) -> Option<Gift> {
        let is_of_inbox = |kind: &&EventType| !kind.name().starts_with("webhook.");
        let hears = EventType::ALL.iter().filter(is_of_inbox).any(|kind| wants(&self.event_types, kind.name()));
        hears.then_some(Gift::Webhook { notes: self.include_notes })
    }

    /// The timeout in seconds, or the preset's.
    #[must_use]
    pub fn timeout(&self) -> i32 {
        self.timeout_seconds.unwrap_or(self.retry_preset.timeout_seconds())
    }

    /// The number of attempts, or the number that the delays allow.
    #[must_use]
    pub fn attempts(&self) -> i32 {
        let own = self.retry_delays.as_ref().map(|delays| i32::try_from(delays.len() + 1).unwrap_or(i32::MAX));
        self.max_attempts.unwrap_or(own.unwrap_or(self.retry_preset.attempts()))
    }

    /// The seconds between attempts, before jitter. After the last delay, the last delay repeats.
    #[must_use]
    pub fn delays(&self) -> Vec<u32> {
        match &self.retry_delays {
            Some(delays) => delays.iter().map(|delay| u32::try_from(*delay).unwrap_or(0)).collect(),
            None => self.retry_preset.delays().to_vec(),
        }
    }
}

/// A header of an input.
#[derive(Debug, Clone)]
pub struct HeaderChange {
    /// The name, in any case.
    pub name: String,
    /// `None`: keep the stored value of this name.
    pub value: Option<SecretString>,
    /// Seal the value and never show it.
    pub secret: bool,
}

fn refuse<T>(path: &'static str, message: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Invalid { path, message: message.into() })
}

/// Normalises the settings, or returns the first error.
pub(super) fn settings(mut given: Settings, targets: TargetPolicy) -> Result<Settings, StoreError> {
    given.name =
        name::checked(&given.name, name::LONGEST).or_else(|refusal| refuse("input.name", refusal.to_string()))?;
    given.url = match &given.composition {
        // The URL is a template: see `composition`.
        Some(_) => given.url.trim().to_owned(),
        None => targets.check_url(given.url.trim()).or_else(|error| refuse("input.url", error.to_string()))?.into(),
    };
    if let Some(unknown) = given.event_types.iter().find(|pattern| !is_event_pattern(pattern)) {
        let shown: String = unknown.chars().take(64).collect();
        return refuse(
            "input.eventTypes",
            format!(
                "`{shown}` is no event type: the query `eventTypes` lists them, and `message.*` is all of one entity"
            ),
        );
    }
    given.event_types.sort();
    given.event_types.dedup();
    let WebhookFilter { channels, mediums, labels, directions, actors } = &mut given.filter;
    channels.sort_unstable();
    channels.dedup();
    labels.sort_unstable();
    labels.dedup();
    mediums.dedup();
    directions.dedup();
    actors.dedup();
    let longest =
        [channels.len(), labels.len(), mediums.len(), directions.len(), actors.len(), given.event_types.len()];
    if longest.iter().any(|length| *length > MOST_VALUES) {
        return refuse("input.filter", format!("a list of the filter may have at most {MOST_VALUES} values"));
    }
    let within = |value: Option<i32>, most| value.is_none_or(|value| (1..=most).contains(&value));
    if !within(given.timeout_seconds, 30) {
        return refuse("input.timeoutSeconds", "a timeout must have 1 to 30 seconds");
    }
    if !within(given.max_attempts, 20) {
        return refuse("input.maxAttempts", "give 1 to 20 attempts");
    }
    if !within(Some(given.max_concurrency), 256) {
        return refuse("input.maxConcurrency", "give 1 to 256 concurrent requests");
    }
    if !within(given.rate_limit, 10_000) {
        return refuse("input.rateLimit", "give 1 to 10,000 requests a second, or null for no limit");
    }
    if let Some(delays) = &given.retry_delays
        && (!(1..=19).contains(&delays.len()) || delays.iter().any(|delay| !(1..=LONGEST_DELAY).contains(delay)))
    {
        return refuse("input.retryDelays", "give 1 to 19 delays, each of 1 to 100,000 seconds");
    }
    Ok(given)
}

/// Checks that the composition fits all events that the webhook receives, and that its headers are free.
pub(super) fn composition(
    settings: &Settings,
    own: &[OwnHeader],
    legacy: Option<&str>,
    targets: TargetPolicy,
) -> Result<(), StoreError> {
    let Some(composition) = &settings.composition else { return Ok(()) };
    let mut seen: BTreeSet<String> = own.iter().map(|header| header.name.clone()).collect();
    seen.extend(legacy.map(str::to_owned));
    for (name, _) in &composition.headers {
        let lower = name.to_ascii_lowercase();
        let short: String = name.chars().take(64).collect();
        if !is_free(&lower) {
            let message =
                format!("`{short}` is not a header name, or Inlet or HTTP itself uses it: choose another one");
            return refuse("input.composition.headers", message);
        }
        if !seen.insert(lower) {
            return refuse("input.composition.headers", format!("`{short}` is given twice: remove one"));
        }
    }
    let wanted = EventType::ALL.iter().filter(|kind| wants(&settings.event_types, kind.name()));
    let kinds: Vec<_> = wanted.filter_map(|kind| Some((*kind, schema::of(*kind)?))).collect();
    let checked = Composer::read(&settings.url, composition, targets).and_then(|composer| composer.check(&kinds));
    checked.or_else(|error| match error.path.as_str() {
        "url" => refuse("input.url", error.problem),
        path => refuse("input.composition", format!("{path}: {}", error.problem)),
    })
}

/// Normalises a legacy signature.
pub(super) fn legacy(mut given: LegacySignature) -> Result<LegacySignature, StoreError> {
    given.header.make_ascii_lowercase();
    if !is_free(&given.header) {
        return refuse(
            "input.legacySignature.header",
            "give a header name such as `x-signature` that neither Inlet nor HTTP itself uses",
        );
    }
    if given.secret.expose_secret().is_empty() {
        return refuse("input.legacySignature.secret", "the secret is empty: give one");
    }
    Ok(given)
}

/// The new headers, and the values of the secret ones. `standing` holds the values of all stored headers.
pub(super) fn headers(
    asked: Vec<HeaderChange>,
    standing: &BTreeMap<String, SecretString>,
    legacy: Option<&str>,
) -> Result<(Vec<OwnHeader>, BTreeMap<String, SecretString>), StoreError> {
    if asked.len() > MOST_HEADERS {
        return refuse("input.headers", format!("give at most {MOST_HEADERS} headers"));
    }
    let mut seen = BTreeSet::new();
    let (mut shown, mut sealed) = (Vec::new(), BTreeMap::new());
    for header in asked {
        let name = header.name.to_ascii_lowercase();
        if !is_free(&name) {
            let short: String = name.chars().take(64).collect();
            let message =
                format!("`{short}` is not a header name, or Inlet or HTTP itself uses it: choose another one");
            return refuse("input.headers.name", message);
        }
        if !seen.insert(name.clone()) || legacy == Some(name.as_str()) {
            return refuse("input.headers.name", format!("`{name}` is given twice: remove one"));
        }
        let Some(value) = header.value.or_else(|| standing.get(&name).cloned()) else {
            return refuse("input.headers.value", format!("the header `{name}` has no value yet: give one"));
        };
        let plain = value.expose_secret();
        let printable = plain.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
        if plain.len() > LONGEST_VALUE || !printable {
            let message = format!("a value may have up to {LONGEST_VALUE} bytes of printable ASCII");
            return refuse("input.headers.value", message);
        }
        let told = (!header.secret).then(|| plain.to_owned());
        if header.secret {
            sealed.insert(name.clone(), value);
        }
        shown.push(OwnHeader { name, value: told, secret: header.secret });
    }
    Ok((shown, sealed))
}

/// Checks that secret headers may keep their values: each value was given for one origin, and is never shown. `kept`
/// are the headers without a value in the update; the URLs are the old and the new one.
pub(super) fn kept_secrets(kept: &[HeaderChange], (former, new): (&str, &str)) -> Result<(), StoreError> {
    if let Some(shown) = kept.iter().find(|header| !header.secret) {
        let message =
            format!("the value of `{}` is secret and never shown: give a new value that is not secret", shown.name);
        return refuse("input.headers.value", message);
    }
    // The host of a template URL holds no placeholder.
    let origin = |text: &str| url::Url::parse(text).ok().map(|url| url.origin()).filter(url::Origin::is_tuple);
    let (from, to) = (origin(former), origin(new));
    if from.is_some() && from == to {
        return Ok(());
    }
    let Some(first) = kept.first() else { return Ok(()) };
    let ascii =
        |origin: Option<url::Origin>| origin.map_or_else(|| "another".to_owned(), |it| it.ascii_serialization());
    let message = format!(
        "the value of the secret header `{}` was given for {}: give it anew, or leave the header out, to send to {}",
        first.name,
        ascii(from),
        ascii(to),
    );
    refuse("input.headers.value", message)
}

/// Checks that the named channels and labels exist.
pub(super) async fn references(conn: &mut PgConnection, scope: Scope, settings: &Settings) -> Result<(), StoreError> {
    let channels: BTreeSet<_> = settings.filter.channels.iter().copied().chain(settings.channel).collect();
    let labels = &settings.filter.labels;
    if channels.is_empty() && labels.is_empty() {
        return Ok(());
    }
    let (known_channels, known_labels): (Vec<Uuid>, Vec<Uuid>) = sqlx::query_as(
        "SELECT ARRAY(SELECT id FROM channel WHERE workspace_id = $1 AND id = ANY($2)), \
                ARRAY(SELECT id FROM label WHERE workspace_id = $1 AND id = ANY($3))",
    )
    .bind(scope.workspace())
    .bind(channels.iter().map(|channel| channel.0).collect::<Vec<_>>())
    .bind(labels.iter().map(|label| label.0).collect::<Vec<_>>())
    .fetch_one(conn)
    .await?;
    if let Some(channel) = settings.channel.filter(|channel| !known_channels.contains(&channel.0)) {
        return Err(StoreError::missing_one("channel", "input.channelId", channel));
    }
    if let Some(channel) = settings.filter.channels.iter().find(|channel| !known_channels.contains(&channel.0)) {
        return Err(StoreError::missing_one("channel", "input.filter.channelIds", channel));
    }
    match labels.iter().find(|label| !known_labels.contains(&label.0)) {
        Some(label) => Err(StoreError::missing_one("label", "input.filter.labelIds", label)),
        None => Ok(()),
    }
}

/// A token (RFC 9110, section 5.6.2) without a meaning in HTTP or among our own headers.
fn is_free(name: &str) -> bool {
    const TAKEN: &[&str] = &[
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    ];
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=64).contains(&name.len())
        && name.bytes().all(token)
        && !TAKEN.contains(&name)
        && !name.starts_with("inlet-")
        && !name.starts_with("x-inlet-")
}

#[cfg(test)]
mod tests;
