//! Preview of a mapping.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use inlet_domain::{
    command::{Command, RawRequest, Reading},
    ids::{ProviderAccountId, SourceId},
    model::source,
    model::{
        mapping::Mapping,
        outcome::Outcome,
        provider::{Provider, Verification},
        source::{CallLeg, SignatureSettings},
    },
    reader::Readout,
    scope::Scope,
};
use inlet_store::records::{
    mutation_tx::{Begun, MutationTx},
    sources,
};

use super::{asked, source_input::value_of};
use crate::{
    error::{ApiError, ErrorCode, Result},
    execution::context::Shared,
    schema::types::{enums, node::typed, scalars::Json},
};

/// Maximum length of a body to preview.
const LONGEST: usize = 1024 * 1024;
/// Maximum number of requests in one body to preview.
const MOST: usize = 100;

/// Input of `previewMapping`.
#[derive(InputObject)]
pub struct PreviewMappingInput {
    /// Global id of a source. The preview uses its provider, time zone, region, channel and verification, and its
    /// mapping if `mapping` is null.
    source_id: Option<ID>,
    /// Provider whose adapter reads the request, if there is no `sourceId`. Only CUSTOM has a mapping.
    #[graphql(default_with = "enums::Provider::Custom")]
    provider: enums::Provider,
    /// Mapping to preview.
    mapping: Option<Json>,
    /// Media type of the request.
    #[graphql(default_with = "\"application/json\".to_owned()")]
    content_type: String,
    /// Body of the request.
    #[graphql(default)]
    body: String,
    /// Query string of the request, without the `?`.
    query: Option<String>,
    /// Event name at the end of the source's URL.
    event: Option<String>,
    /// Idempotency key: the same key with another input is an error. A retry reads the request again, because a preview
    /// has no effect.
    idempotency_key: Option<String>,
}

/// A command that a request contains.
#[derive(SimpleObject, Clone)]
pub struct PreviewedCommand {
    /// Kind of command, such as `message`, `status`, `contact` or `opt_out`.
    kind: String,
    /// Idempotency key of the command within the provider account, as `kind` and `id`. For a CUSTOM source, `kind` is
    /// the name of the rule.
    key: Json,
    /// Fields of the command; see docs/custom-provider.md.
    fields: Json,
}

/// Result of `previewMapping`. If the body is an array, or has lists that the mapping names as `items`, each element is
/// a request of its own. `requests` has all of them; the other fields here belong to the first request.
#[derive(SimpleObject)]
pub struct PreviewMappingPayload {
    /// Results of all requests in the body, in order. Prefer this field to the others.
    requests: Vec<PreviewedRequest>,
    /// Of the first.
    #[graphql(flatten)]
    first: PreviewedRequest,
}

/// Result of reading one request.
#[derive(SimpleObject, Clone)]
pub struct PreviewedRequest {
    /// ACCEPTED if Inlet would apply the request; UNRECOGNISED or QUARANTINED if Inlet would only store it; FAILED if
    /// it is too large to apply.
    outcome: enums::InboundOutcome,
    /// Name of the event. Null if Inlet could not determine it.
    event: Option<String>,
    /// Name of the mapping rule that matched. Null if none matched; `reason` then tells more.
    rule: Option<String>,
    /// Reason why Inlet would not apply the request. Null for ACCEPTED.
    reason: Option<String>,
    /// Whether the body is not strict JSON, so that Inlet reads it leniently.
    lenient: bool,
    /// Commands that Inlet would apply.
    commands: Vec<PreviewedCommand>,
}

/// The part of the mutation root for mappings.
#[derive(Default)]
pub(super) struct Mappings;

#[Object]
impl Mappings {
    /// Previews how Inlet reads a request, with a mapping that need not be saved. It changes nothing.
    async fn preview_mapping(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: PreviewMappingInput,
    ) -> Result<Option<PreviewMappingPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        if input.body.len() > LONGEST || input.query.as_ref().is_some_and(|query| query.len() > LONGEST) {
            return Err(ApiError::input(
                "input.body",
                format!("a preview takes at most {LONGEST} bytes: pass a shorter body or query"),
            ));
        }
        let mut source = source(shared, asked.scope, &input).await?;
        if let Some(mapping) = input.mapping {
            if source.provider != Provider::Custom {
                let message = format!(
                    "only a `CUSTOM` source has a mapping, and this one is of {}: leave `mapping` out",
                    source.provider
                );
                return Err(ApiError::input("input.mapping", message));
            }
            let read = Mapping::read(&value_of(mapping));
            let mapping = read.map_err(|error| ApiError::input("input.mapping", error.to_string()))?;
            source.mapping = Some(Arc::new(mapping));
        }
        let raw = RawRequest {
            method: if input.body.is_empty() { "GET" } else { "POST" }.to_owned(),
            query: input.query.filter(|query| !query.is_empty()),
            headers: vec![("content-type".to_owned(), input.content_type)],
            body: input.body.into_bytes(),
        };
        let event = input.event.filter(|event| !event.is_empty());
        let (reader, now) = (Arc::clone(&shared.reader), shared.ambient.now());
        let reading = shared.long.run(move || {
            let raws = reader.split(&source, now, event.as_deref(), raw);
            if raws.len() > MOST {
                return Err(raws.len());
            }
            let read = |raw| previewed(&source, reader.read(&source, now, event.as_deref(), raw));
            Ok(raws.into_iter().map(read).collect::<Vec<_>>())
        });
        let requests = reading.await?.map_err(|count| {
            ApiError::input("input.body", format!("the body holds {count} requests: a preview takes at most {MOST}"))
        })?;
        // Store no result, because it may hold fields that an adapter declares secret: a retry reads the request again.
        let begun = MutationTx::begin::<serde_json::Value>(&shared.database, &shared.ambient, &asked).await;
        if let Begun::First(act) = begun? {
            let subject = input.source_id.and_then(|id| id.parse().ok());
            act.done(subject, &serde_json::json!({})).await?;
        }
        Ok(requests.first().cloned().map(|first| PreviewMappingPayload { requests, first }))
    }
}

fn previewed(source: &source::Source, readout: Readout) -> PreviewedRequest {
    let (outcome, reason, lenient, commands) = match readout.reading {
        Reading::Commands { commands, lenient, .. } => (Outcome::Accepted, None, lenient, commands),
        Reading::Unrecognised { reason, lenient } => (Outcome::Unrecognised, Some(reason), lenient, Vec::new()),
        Reading::Quarantined { reason } => (Outcome::Quarantined, Some(reason), false, Vec::new()),
        Reading::Excessive { reason, lenient } => (Outcome::Failed, Some(reason), lenient, Vec::new()),
    };
    let rule = commands.first().filter(|_| source.provider == Provider::Custom);
    PreviewedRequest {
        outcome: outcome.into(),
        event: readout.event,
        rule: rule.map(|command| command.key.kind.clone()),
        reason,
        lenient,
        commands: commands.iter().map(shown).collect(),
    }
}

async fn source(shared: &Shared, scope: Scope, input: &PreviewMappingInput) -> Result<source::Source> {
    if let Some(id) = &input.source_id {
        let id: SourceId = typed("input.sourceId", id)?;
        let found = sources::with_token(&shared.database, scope, &shared.sealer, id).await;
        let found = found?;
        let missing = || ApiError::at(ErrorCode::NotFound, "input.sourceId", "there is no source with this id");
        return found.map(|(source, _)| source).ok_or_else(missing);
    }
    Ok(source::Source {
        id: SourceId(shared.ambient.uuid()),
        workspace: scope.workspace(),
        account: ProviderAccountId(shared.ambient.uuid()),
        provider: input.provider.into(),
        name: "preview".to_owned(),
        verification: Verification::None,
        secrets: Vec::new(),
        signature: SignatureSettings::default(),
        allowed_networks: Vec::new(),
        time_zone: None,
        phone_region: None,
        channel_id: None,
        medium: None,
        report_hosts: Vec::new(),
        own_user_ids: Vec::new(),
        call_customer_leg: CallLeg::To,
        mapping: None,
        deleted: false,
        revision: 1,
        created_at: shared.ambient.now(),
    })
}

fn shown(command: &Command) -> PreviewedCommand {
    let json = |value: serde_json::Result<serde_json::Value>| value.unwrap_or_default();
    let effect = match json(serde_json::to_value(&command.effect)) {
        serde_json::Value::Object(effect) => effect.into_iter().next(),
        _ => None,
    };
    let (kind, fields) = effect.unwrap_or_default();
    let key = json(serde_json::to_value(&command.key));
    PreviewedCommand { kind, key: Json::Value(key), fields: Json::Value(fields) }
}
