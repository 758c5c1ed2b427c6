//! Renders each update once for a group: followers of one member or API key, with equal rights, document and variables.
//! All groups share the look-ups of an event.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Weak},
    time::Duration,
};

use async_graphql::{
    Request, Response, ServerError, Value, Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, OperationType, Selection},
};
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Shared as SharedFuture},
};
use inlet_domain::{ids::WorkspaceId, model::right::Grant, scope::Actor};
use inlet_store::{
    log::Cursor,
    records::{audit::Origin, credentials::Viewer},
};
use parking_lot::Mutex;
use serde_json::Map;

use crate::{
    access::{credential::Credential, requester::Requester},
    error::{ErrorCode, response_of},
    execution::{
        context::{Caller, Injected, Shared},
        engine::{finish, to_json},
        executable::Executable,
        executor::Executor,
        response_shape::Plan,
        subscription_memory::Kept,
    },
    follow::feed::FeedItem,
    loading::{connection_budget::Gate, loaders::Loaders},
};

/// Rendered updates that a group keeps for its slower members, and their maximum size in bytes.
const KEPT: usize = 32;
const KEPT_BYTES: usize = 1 << 20;
/// Attempts to render while the database is away, and the pause between them.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// An operation that follows the log by one field.
pub struct Operation {
    pub query: String,
    pub document: ExecutableDocument,
    pub name: Option<String>,
    pub variables: Map<String, serde_json::Value>,
    /// The variable that gives only the starting cursor: followers from different cursors get the same updates.
    place: Option<String>,
    /// The shape of the response.
    pub plan: Arc<Plan>,
    /// The request id of its errors.
    pub request_id: String,
    /// The bytes that it takes of its follower's limit.
    pub kept: Option<Kept>,
}

impl Operation {
    /// The one field of an operation that follows the log.
    #[must_use]
    pub fn field(operation: &OperationDefinition) -> Option<&Field> {
        match operation.selection_set.node.items.as_slice() {
            [only] if operation.ty == OperationType::Subscription => match &only.node {
                Selection::Field(field) => {
                    Some(&field.node).filter(|field| field.name.node == "events" && field.directives.is_empty())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Finds the variable that gives the starting cursor.
    #[must_use]
    pub fn new(
        query: String,
        document: ExecutableDocument,
        field: &Field,
        (name, variables): (Option<String>, Map<String, serde_json::Value>),
        plan: Arc<Plan>,
        request_id: String,
    ) -> Self {
        let after = field.get_argument("after").map(|value| value.node.to_string());
        let variable = after.and_then(|value| value.strip_prefix('$').map(str::to_owned));
        // Once in the declaration, once here.
        let place = variable.filter(|name| uses(&query, name) == 2);
        Self { query, document, name, variables, place, plan, request_id, kept: None }
    }

    fn key_variables(&self) -> String {
        let mut variables: Vec<_> =
            self.variables.iter().filter(|(name, _)| self.place.as_ref() != Some(name)).collect();
        variables.sort_by_key(|(name, _)| name.as_str());
        serde_json::to_string(&variables).unwrap_or_default()
    }
}

/// Number of times that a document names a variable, or something that looks like it.
fn uses(query: &str, name: &str) -> usize {
    let named = query.match_indices('$').filter(|(at, _)| {
        let rest = query[at + 1..].trim_start();
        rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    });
    named.count()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct GroupKey {
    workspace: WorkspaceId,
    actor: Actor,
    grant: Grant,
    query: String,
    name: Option<String>,
    variables: String,
}

/// The groups of a process.
#[derive(Default)]
pub struct Groups {
    by_key: Mutex<HashMap<GroupKey, Weak<Group>>>,
    gate: Gate,
}

/// Followers that get the same updates.
pub struct Group {
    work: Arc<Work>,
    rendered: Mutex<VecDeque<(UpdateKey, Rendered)>>,
}

/// An update as JSON; or the errors that stand in its place. A stream must not go on after these, for its follower would miss the
/// update.
pub type Update = Result<Arc<str>, Arc<[ServerError]>>;

type Rendered = SharedFuture<BoxFuture<'static, Update>>;

/// Bytes of the rendered updates.
fn bytes(kept: &VecDeque<(UpdateKey, Rendered)>) -> usize {
    kept.iter().filter_map(|(_, rendered)| rendered.peek()?.as_ref().ok()).map(|text| text.len()).sum()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UpdateKey {
    Event(Cursor),
    Reset(crate::follow::ResetReason, Cursor),
    Checkpoint(Cursor, bool, Cursor),
}

impl UpdateKey {
    fn of(told: &FeedItem) -> Self {
        match told {
            FeedItem::Event(entry, _) => Self::Event(entry.cursor()),
            FeedItem::Reset(reason, cursor) => Self::Reset(*reason, *cursor),
            FeedItem::Checkpoint(it) => Self::Checkpoint(it.cursor, it.is_caught_up, it.counted.at),
        }
    }
}

/// The parts that rendering needs.
struct Work {
    schema: Arc<dyn Executable>,
    shared: Arc<Shared>,
    executor: Executor,
    gate: Gate,
    operation: Arc<Operation>,
    viewer: Viewer,
    grant: Grant,
}

impl Groups {
    /// The group for this operation and the follower's present rights.
    #[must_use]
    pub fn join(
        &self,
        schema: &Arc<dyn Executable>,
        shared: &Arc<Shared>,
        executor: &Executor,
        credential: &Credential,
        operation: &Arc<Operation>,
    ) -> Arc<Group> {
        let (viewer, grant) = (&credential.viewer, credential.grant());
        let key = GroupKey {
            workspace: viewer.scope.workspace(),
            actor: viewer.actor,
            grant: grant.clone(),
            query: operation.query.clone(),
            name: operation.name.clone(),
            variables: operation.key_variables(),
        };
        let mut groups = self.by_key.lock();
        if let Some(group) = groups.get(&key).and_then(Weak::upgrade) {
            return group;
        }
        if groups.len() >= 64 && groups.len().is_power_of_two() {
            groups.retain(|_, group| group.strong_count() > 0);
        }
        let work = Work {
            schema: Arc::clone(schema),
            shared: Arc::clone(shared),
            executor: executor.clone(),
            gate: self.gate.clone(),
            operation: Arc::clone(operation),
            viewer: viewer.clone(),
            grant,
        };
        let group = Arc::new(Group { work: Arc::new(work), rendered: Mutex::default() });
        groups.insert(key, Arc::downgrade(&group));
        group
    }
}

impl Group {
    /// The rights of the members.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.work.grant
    }

    #[must_use]
    pub fn operation(&self) -> &Arc<Operation> {
        &self.work.operation
    }

    /// The response for an update.
    pub fn render(self: &Arc<Self>, told: &FeedItem) -> BoxFuture<'static, Update> {
        let (work, told) = (Arc::clone(&self.work), told.clone());
        if Arc::strong_count(self) == 1 {
            return work.rendered(told).boxed();
        }
        let key = UpdateKey::of(&told);
        let mut kept = self.rendered.lock();
        if let Some((_, rendered)) = kept.iter().rev().find(|(known, _)| *known == key) {
            return rendered.clone().boxed();
        }
        let rendered = work.rendered(told).boxed().shared();
        while kept.len() >= KEPT || (kept.len() > 1 && bytes(&kept) > KEPT_BYTES) {
            kept.pop_front();
        }
        kept.push_back((key, rendered.clone()));
        rendered.boxed()
    }
}

impl Work {
    /// Renders on the threads of operations.
    async fn rendered(self: Arc<Self>, told: FeedItem) -> Update {
        let (executor, id) = (self.executor.clone(), self.operation.request_id.clone());
        let rendered = executor.spawn(async move { self.render(told).await }.boxed()).await;
        rendered.unwrap_or_else(|error| {
            let mut answer = response_of(error);
            finish(&mut answer, &id);
            Err(answer.errors.into())
        })
    }

    async fn render(&self, told: FeedItem) -> Update {
        let mut tries = 0;
        let mut answer = loop {
            let answer = self.execute(&told).await;
            tries += 1;
            if tries >= TRIES || !is_passing(&answer) {
                break answer;
            }
            tokio::time::sleep(PAUSE).await;
        };
        metrics::counter!("inlet_live_rendered_total").increment(1);
        self.operation.plan.arrange(&mut answer);
        finish(&mut answer, &self.operation.request_id);
        if answer.data == Value::Null && answer.is_err() {
            return Err(answer.errors.into());
        }
        Ok(to_json(&answer).into())
    }

    async fn execute(&self, told: &FeedItem) -> Response {
        let (shared, scope) = (&self.shared, self.viewer.scope);
        let make = || Loaders::of_event(&shared.database, &self.gate, &shared.sealer, scope);
        let loaders = match told {
            FeedItem::Event(entry, _) => entry.loaders(make),
            FeedItem::Reset(..) | FeedItem::Checkpoint(_) => Arc::new(make()),
        };
        let credential = Credential::fixed(self.viewer.clone(), self.grant.clone());
        let caller = Caller {
            session: Some(Arc::new(Requester::new(credential, loaders))),
            origin: Origin::default(),
            head: None,
            gate: Gate::default(),
            kind: OperationType::Subscription,
        };
        let operation = &self.operation;
        let variables = Variables::from_json(serde_json::Value::Object(operation.variables.clone()));
        let mut request = Request::new(operation.query.clone()).variables(variables).data(caller);
        if let Some(name) = &operation.name {
            request = request.operation_name(name);
        }
        request.set_parsed_query(operation.document.clone());
        let mut answers = self.schema.execute_stream(request.data(Injected(told.clone())));
        answers.next().await.unwrap_or_default()
    }
}

/// Whether a response lacks something for a moment only: the update must not be lost.
fn is_passing(answer: &Response) -> bool {
    let codes = [ErrorCode::Unavailable.name(), ErrorCode::Timeout.name()];
    let code = |error: &ServerError| -> Option<Value> { error.extensions.as_ref()?.get("code").cloned() };
    answer.errors.iter().filter_map(code).any(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_a_place_where_nothing_else_uses_it() {
        for (query, expected) in [
            ("subscription ($a: Cursor) { events(after: $a) { x } }", 2),
            ("subscription ($a: Cursor, $ab: Int) { events(after: $ a) { x(y: $ab) } }", 2),
            ("subscription ($a: Cursor) { events(after: $a) { x(after: $a) } }", 3),
        ] {
            assert_eq!(uses(query, "a"), expected, "{query}");
        }
    }
}
