//! The dry run of a mapping.

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

/// The longest body that is tried.
const LONGEST: usize = 1024 * 1024;
/// The most requests in one body that are tried.
const MOST: usize = 100;

/// A request that is to be tried, and how.
#[derive(InputObject)]
pub struct PreviewMappingInput {
    /// A source whose settings count: provider, zone, region, channel, verification, and its mapping where none is
    /// given here.
    source_id: Option<ID>,
    /// Whose adapter reads it, where there is no source. A mapping counts with CUSTOM alone.
    #[graphql(default_with = "enums::Provider::Custom")]
    provider: enums::Provider,
    /// The mapping to try.
    mapping: Option<Json>,
    /// The request's content type.
    #[graphql(default_with = "\"application/json\".to_owned()")]
    content_type: String,
    /// The request's body.
    #[graphql(default)]
    body: String,
    /// The request's query, without its `?`.
    query: Option<String>,
    /// The event's name at the end of the URL.
    event: Option<String>,
    /// Makes another input under the same key an error; as nothing comes of it, a repeat is read anew.
    idempotency_key: Option<String>,
}

/// One thing that a request would ask for.
#[derive(SimpleObject, Clone)]
pub struct PreviewedCommand {
    /// `message`, `status`, `contact`, `opt_out` and so on.
    kind: String,
    /// The idempotency key within the provider account: `kind`, which is the rule's name for a CUSTOM source, and `id`.
    key: Json,
    /// Its members, in Inlet's own terms: see docs/custom-provider.md.
    fields: Json,
}

/// The result of reading a request. Where its body is an array, or holds lists that the mapping names as `items`, each
/// element is a request of its own. `requests` shows all of them; every other field here is of the first request alone.
#[derive(SimpleObject)]
pub struct PreviewMappingPayload {
    /// The result of each request in the body, in their order: ask for this.
    requests: Vec<PreviewedRequest>,
    /// Of the first.
    #[graphql(flatten)]
    first: PreviewedRequest,
}

/// The result of reading one request.
#[derive(SimpleObject, Clone)]
pub struct PreviewedRequest {
    /// ACCEPTED where it would be applied, UNRECOGNISED or QUARANTINED where it would be kept.
    outcome: enums::InboundOutcome,
    /// The event's name, as far as it can be told.
    event: Option<String>,
    /// The rule of the mapping that fits, where it was understood; else the reason names it.
    rule: Option<String>,
    /// Why it would not be applied.
    reason: Option<String>,
    /// Whether strict JSON fails on it.
    lenient: bool,
    /// The commands that it would apply.
    commands: Vec<PreviewedCommand>,
}

/// The part of the mutation root for mappings.
#[derive(Default)]
pub(super) struct Mappings;

#[Object]
impl Mappings {
    /// Tells what a request would become, by a mapping that need not be saved. Nothing comes of it.
    async fn preview_mapping(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request to try.")] input: PreviewMappingInput,
    ) -> Result<Option<PreviewMappingPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        if input.body.len() > LONGEST || input.query.as_ref().is_some_and(|query| query.len() > LONGEST) {
            return Err(ApiError::input("input.body", format!("at most {LONGEST} bytes are tried")));
        }
        let mut source = source(shared, asked.scope, &input).await?;
        if let Some(mapping) = input.mapping {
            if source.provider != Provider::Custom {
                let message = format!("a mapping is of a `CUSTOM` source, and this is one of {}", source.provider);
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
        let event = input.event.as_deref().filter(|event| !event.is_empty());
        let now = shared.ambient.now();
        let raws = shared.reader.split(&source, now, event, raw);
        if raws.len() > MOST {
            let message = format!("the body holds {} requests: at most {MOST} are tried at once", raws.len());
            return Err(ApiError::input("input.body", message));
        }
        let requests: Vec<PreviewedRequest> =
            raws.into_iter().map(|raw| previewed(&source, shared.reader.read(&source, now, event, raw))).collect();
        // The answer is not kept, for it may hold what an adapter declares secret: a repeat is read anew.
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
        let missing = || ApiError::at(ErrorCode::NotFound, "input.sourceId", "there is no such source");
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
