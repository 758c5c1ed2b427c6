//! What a webhook may be: what is refused, and how input is tidied.

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
use sqlx::PgConnection;
use uuid::Uuid;

use super::OwnHeader;
use crate::error::StoreError;

/// The most headers of its own that a webhook has.
pub const MOST_HEADERS: usize = 20;
/// The longest value of one, in bytes.
const LONGEST_VALUE: usize = 4_096;
/// The most values in a member of a filter, and the most event types.
const MOST_VALUES: usize = 100;
/// The longest wait between two attempts, in seconds.
const LONGEST_DELAY: i32 = 100_000;

/// What of a webhook is set by who registers it, but for what is secret.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For people; 1 to 200 characters.
    pub name: String,
    /// Where to post.
    pub url: String,
    /// Exact names or `<entity>.*`; none means all.
    pub event_types: Vec<String>,
    /// Whether notes and activities are sent too.
    pub include_notes: bool,
    /// What else an event must be of.
    pub filter: WebhookFilter,
    /// The channel whose own it is.
    pub channel: Option<ChannelId>,
    /// Over connect and the whole exchange, 1 to 30; `None` is what the preset says.
    pub timeout_seconds: Option<i32>,
    /// 1 to 20; `None` is what the delays allow.
    pub max_attempts: Option<i32>,
    /// How long to wait between attempts.
    pub retry_preset: RetryPreset,
    /// Seconds between attempts, where they are not to be the preset's; 1 to 19 of them, each 1 to 100,000.
    pub retry_delays: Option<Vec<i32>>,
    /// How many requests to it may be under way at once; 1 to 256.
    pub max_concurrency: i32,
    /// How many requests a second it may get from each process; 1 to 10,000.
    pub rate_limit: Option<i32>,
    /// How its requests are composed; the URL is a template then. `None` for the event itself.
    pub composition: Option<Composition>,
}

impl Settings {
    /// Those of a webhook of which nothing else is said.
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

    /// What the receiver is given: nothing of the inbox where it hears of webhooks alone.
    #[must_use]
    pub fn gift(&self) -> Option<Gift> {
        let is_of_inbox = |kind: &&EventType| !kind.name().starts_with("webhook.");
        let hears = EventType::ALL.iter().filter(is_of_inbox).any(|kind| wants(&self.event_types, kind.name()));
        hears.then_some(Gift::Webhook { notes: self.include_notes })
    }

    /// The attempts that the delays allow.
    pub(super) fn attempts(&self) -> i32 {
        let own = self.retry_delays.as_ref().map(|delays| i32::try_from(delays.len() + 1).unwrap_or(i32::MAX));
        self.max_attempts.unwrap_or(own.unwrap_or(self.retry_preset.attempts()))
    }
}

/// A header as it is asked for.
#[derive(Debug, Clone)]
pub struct HeaderChange {
    /// In any case.
    pub name: String,
    /// `None`: the one that stands under this name goes on.
    pub value: Option<SecretString>,
    /// Whether the value is sealed and never shown.
    pub secret: bool,
}

fn refuse<T>(path: &'static str, message: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Invalid { path, message: message.into() })
}

/// The settings, tidied; or the first that will not do.
pub(super) fn settings(mut given: Settings, targets: TargetPolicy) -> Result<Settings, StoreError> {
    given.name =
        name::checked(&given.name, name::LONGEST).or_else(|refusal| refuse("input.name", refusal.to_string()))?;
    given.url = match &given.composition {
        // A template: see `composition`.
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
        return refuse("input.filter", format!("a member of a filter has no more than {MOST_VALUES} values"));
    }
    let within = |value: Option<i32>, most| value.is_none_or(|value| (1..=most).contains(&value));
    if !within(given.timeout_seconds, 30) {
        return refuse("input.timeoutSeconds", "a timeout is 1 to 30 seconds");
    }
    if !within(given.max_attempts, 20) {
        return refuse("input.maxAttempts", "there may be 1 to 20 attempts");
    }
    if !within(Some(given.max_concurrency), 256) {
        return refuse("input.maxConcurrency", "there may be 1 to 256 requests under way at once");
    }
    if !within(given.rate_limit, 10_000) {
        return refuse("input.rateLimit", "there may be 1 to 10,000 requests a second; null for no limit");
    }
    if let Some(delays) = &given.retry_delays
        && (!(1..=19).contains(&delays.len()) || delays.iter().any(|delay| !(1..=LONGEST_DELAY).contains(delay)))
    {
        return refuse("input.retryDelays", "there may be 1 to 19 delays, each of 1 to 100,000 seconds");
    }
    Ok(given)
}

/// Whether the composition, where there is one, fits the events that the webhook is to get, and its headers are free.
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
            let message = format!("`{short}` is no header name, or one that Inlet and HTTP use themselves");
            return refuse("input.composition.headers", message);
        }
        if !seen.insert(lower) {
            return refuse("input.composition.headers", format!("`{short}` stands twice"));
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

/// A legacy signature, tidied.
pub(super) fn legacy(mut given: LegacySignature) -> Result<LegacySignature, StoreError> {
    given.header.make_ascii_lowercase();
    if !is_free(&given.header) {
        return refuse(
            "input.legacySignature.header",
            "this must be a header name such as `x-signature` that Inlet and HTTP do not use themselves",
        );
    }
    if given.secret.expose_secret().is_empty() {
        return refuse("input.legacySignature.secret", "a secret may not be empty");
    }
    Ok(given)
}

/// Headers as they are to stand, and the values of the secret ones. `standing` are those until now, with all values.
pub(super) fn headers(
    asked: Vec<HeaderChange>,
    standing: &BTreeMap<String, SecretString>,
    legacy: Option<&str>,
) -> Result<(Vec<OwnHeader>, BTreeMap<String, SecretString>), StoreError> {
    if asked.len() > MOST_HEADERS {
        return refuse("input.headers", format!("there may be {MOST_HEADERS} headers"));
    }
    let mut seen = BTreeSet::new();
    let (mut shown, mut sealed) = (Vec::new(), BTreeMap::new());
    for header in asked {
        let name = header.name.to_ascii_lowercase();
        if !is_free(&name) {
            let short: String = name.chars().take(64).collect();
            let message = format!("`{short}` is no header name, or one that Inlet and HTTP use themselves");
            return refuse("input.headers.name", message);
        }
        if !seen.insert(name.clone()) || legacy == Some(name.as_str()) {
            return refuse("input.headers.name", format!("`{name}` stands twice"));
        }
        let Some(value) = header.value.or_else(|| standing.get(&name).cloned()) else {
            return refuse("input.headers.value", format!("there is no value for `{name}` yet: give one"));
        };
        let plain = value.expose_secret();
        let printable = plain.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
        if plain.len() > LONGEST_VALUE || !printable {
            let message = format!("a value has up to {LONGEST_VALUE} bytes of printable ASCII");
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

/// Whether the values of secret headers that go on as they stand may do so: each was given for one origin, and is shown
/// to no one. `kept` are those of which the update gives no value; the URLs are those before and after.
pub(super) fn kept_secrets(kept: &[HeaderChange], (former, new): (&str, &str)) -> Result<(), StoreError> {
    if let Some(shown) = kept.iter().find(|header| !header.secret) {
        let message = format!("the value of `{}` is secret and is shown to no one: give one that is not", shown.name);
        return refuse("input.headers.value", message);
    }
    // The host of a URL that is a template holds no placeholder.
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

/// Whether the channels and labels that a webhook names are there.
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

/// A token (RFC 9110, section 5.6.2) that neither HTTP nor our own headers give a meaning to.
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
