//! Executes well-formed parameters: limits, kind of operation, head of the log, error codes.

mod prepare;
mod written;

use std::{sync::Arc, time::Duration};

use async_graphql::{Request, Response, parser::types::OperationType};
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use inlet_store::records::{audit::Origin, credentials};
use tokio::{sync::mpsc, time::Instant};

pub use self::written::{Written, errors, finish, is_request_error, to_json};
use super::{
    context::{Caller, Opening, Shared},
    deadline::Until,
    executable::Executable,
    executor::{Executor, Holder},
    limits::Introspection,
    parameters::Parameters,
    render::{Groups, Operation},
    response_shape::{Plan, Types},
    streaming::{Answer, follow},
    subscription_memory::Standing,
};
use crate::{
    access::{credential::Credential, requester::Requester},
    error::{ApiError, ErrorCode, response_of},
    loading::{connection_budget::Shares, loaders::Loaders},
};

/// Executes operations.
#[derive(Clone)]
pub struct Engine {
    pub(crate) schema: Arc<dyn Executable>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) groups: Arc<Groups>,
    standing: Arc<Standing>,
    pub(crate) executor: Executor,
    types: Arc<Types>,
    introspection: Introspection,
    /// The connections that operations may hold.
    connections: Shares,
    /// Maximum duration of an operation.
    operation: Duration,
}

/// An operation that is ready to be executed.
pub struct Prepared {
    request: Request,
    plan: Arc<Plan>,
    holder: Holder,
    request_id: String,
    /// The client's credential; `None` without one.
    credential: Option<Credential>,
    /// Bytes of its document and variables, if they must be kept.
    pub weight: usize,
    /// The operation, if it follows the event log.
    following: Option<Operation>,
    pub kind: OperationType,
}

/// Result of an HTTP request.
pub enum Outcome {
    Answered(Written),
    /// It goes on as a stream: a subscription, or any operation that the client wants as a stream.
    Prepared(Box<Prepared>),
}

impl Engine {
    #[must_use]
    pub fn new(
        schema: Arc<dyn Executable>,
        shared: Arc<Shared>,
        (introspection, operation): (Introspection, Duration),
        executor: Executor,
    ) -> Self {
        let types = Arc::new(Types::of(&schema.sdl()));
        let connections = shared.database.pool.options().get_max_connections();
        Self {
            types,
            groups: Arc::default(),
            standing: Arc::default(),
            schema,
            shared,
            introspection,
            connections: Shares::of(usize::try_from(connections).unwrap_or(usize::MAX)),
            operation,
            executor,
        }
    }

    /// The credential of a bearer token.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for an unknown, expired or revoked token, and those of the look-up.
    pub async fn credential(&self, bearer: &str) -> Result<Credential, ApiError> {
        let shared = &self.shared;
        let viewer = credentials::viewer(&shared.database, &shared.ambient, bearer);
        let viewer = shared.database.while_present(viewer).await.map_err(ApiError::from)?.map_err(ApiError::from)?;
        let viewer = viewer.ok_or_else(|| {
            ApiError::new(ErrorCode::Unauthenticated, "this token is unknown, expired or revoked: log in again")
        })?;
        Ok(Credential::new(bearer, viewer))
    }

    /// Looks up the credential of an open connection again. Its present rights take effect at once, also for running
    /// operations.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for a credential that has ended. Other failures are ignored: the next look-up will tell.
    pub async fn look_again(&self, credential: &Credential) -> Result<(), ApiError> {
        match self.credential(&credential.bearer).await {
            Ok(now) => credential.renew(&now.viewer),
            Err(error) if error.code() == ErrorCode::Unauthenticated => return Err(error),
            Err(_) => {}
        }
        Ok(())
    }

    /// Deadline of an operation that arrives now, including its wait for a turn.
    fn until(&self) -> Instant {
        Instant::now() + self.operation
    }

    /// The context of an operation. It has look-ups of its own, so a stopped operation releases their connections.
    fn caller(&self, credential: Option<&Credential>, origin: Origin, kind: OperationType) -> Caller {
        let gate = self.connections.gate(credential.map(|credential| credential.viewer.scope.workspace()));
        let session = credential.map(|credential| {
            let loaders = Loaders::new(&self.shared.database, &gate, &self.shared.sealer, credential.viewer.scope);
            Arc::new(Requester::new(credential.clone(), Arc::new(loaders)))
        });
        Caller { session, origin, head: None, gate, kind }
    }

    /// Parses an operation when its turn comes, and checks the limits that need no schema.
    ///
    /// # Errors
    /// A response with the errors of the request.
    pub async fn prepared(
        &self,
        parameters: Parameters,
        credential: Option<Credential>,
        origin: Origin,
    ) -> Result<Prepared, Box<Response>> {
        let engine = self.clone();
        let holder = Holder::of(credential.as_ref(), &origin);
        let work = async move { engine.prepare(parameters, credential.as_ref(), origin).await };
        self.executor
            .run(holder, self.until(), work.boxed())
            .await
            .unwrap_or_else(|error| Err(Box::new(response_of(error))))
    }

    /// Executes a query or a mutation. It stops when its database connection hangs or is lost.
    async fn execute(&self, prepared: Prepared, until: Instant) -> Response {
        let executing = self.schema.execute(prepared.request.data(Until(until)));
        let executing = self.shared.database.while_present(executing);
        let mut response = match executing.await {
            Ok(response) => response,
            Err(error) => return response_of(ApiError::from(error)),
        };
        prepared.plan.arrange(&mut response);
        response
    }

    /// Executes an HTTP request when its turn comes. If `streams` says so, it continues with [`Engine::stream`].
    ///
    /// # Errors
    /// `OVERLOADED` without a turn.
    pub async fn answer(
        &self,
        parameters: Parameters,
        credential: Option<Credential>,
        origin: Origin,
        streams: impl FnOnce(OperationType) -> bool + Send + 'static,
    ) -> Result<Outcome, ApiError> {
        let engine = self.clone();
        let id = origin.request_id.clone().unwrap_or_default();
        let holder = Holder::of(credential.as_ref(), &origin);
        let until = self.until();
        let work = async move {
            let response = match engine.prepare(parameters, credential.as_ref(), origin).await {
                Ok(prepared) if streams(prepared.kind) => return Outcome::Prepared(Box::new(prepared)),
                Ok(prepared) => engine.execute(prepared, until).await,
                Err(refused) => *refused,
            };
            Outcome::Answered(Written::of(response, &id))
        };
        self.executor.run(holder, until, work.boxed()).await
    }

    /// Executes an operation of any kind; a subscription gives many responses.
    pub fn stream(&self, prepared: Prepared) -> BoxStream<'static, Answer> {
        let engine = self.clone();
        async move { engine.opened(prepared).await.unwrap_or_else(|error| once(response_of(error))) }
            .flatten_stream()
            .boxed()
    }

    async fn opened(self, mut prepared: Prepared) -> Result<BoxStream<'static, Answer>, ApiError> {
        let holder = prepared.holder;
        if prepared.kind != OperationType::Subscription {
            let (engine, until) = (self.clone(), self.until());
            let work = async move {
                let id = prepared.request_id.clone();
                let response = engine.execute(prepared, until).await;
                if is_request_error(&response) {
                    return Answer::Own(Box::new(response));
                }
                Answer::Rendered(Written::of(response, &id).body.into())
            };
            let answer = self.executor.run(holder, until, work.boxed()).await?;
            return Ok(stream::once(async { answer }).boxed());
        }
        let following = prepared.following.take();
        let opening = Opening::default();
        let Prepared { request, plan, credential, weight, .. } = prepared;
        let kept = credential.as_ref().map(|holder| self.standing.keep(&holder.viewer, weight)).transpose()?;
        let answers = self.schema.execute_stream(request.data(opening.clone())).map(move |mut response| {
            plan.arrange(&mut response);
            Answer::Own(Box::new(response))
        });
        let Some((credential, mut operation)) = credential.zip(following) else {
            // Keep them for as long as the pump runs.
            return Ok(self.pump(answers.inspect(move |_| _ = &kept)));
        };
        operation.kept = kept;
        // Execute it once to find its arguments or its errors. Then it follows the log without being executed.
        let refusals = self.executor.run(holder, self.until(), answers.collect::<Vec<_>>().boxed()).await?;
        let wanted = opening.0.lock().take();
        let follow = match wanted {
            Some(wanted) => follow(&self, credential, operation, wanted).boxed(),
            None => stream::empty().boxed(),
        };
        Ok(stream::iter(refusals).chain(follow).boxed())
    }

    /// The responses of a subscription that is executed for as long as it lasts.
    fn pump(self, answers: impl futures::Stream<Item = Answer> + Send + 'static) -> BoxStream<'static, Answer> {
        let (sender, receiver) = mpsc::channel(1);
        let pumping = async move {
            let mut answers = Box::pin(answers);
            loop {
                let answer = tokio::select! {
                    () = sender.closed() => return,
                    answer = answers.next() => answer,
                };
                let Some(answer) = answer else { return };
                if sender.send(answer).await.is_err() {
                    return;
                }
            }
        };
        let pump = async move { self.executor.spawn(pumping.boxed()).await };
        // The threads of operations drive the pump; poll it beside its responses.
        let pump = stream::once(pump).filter_map(|_| async { None });
        stream::select(
            stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) }),
            pump,
        )
        .boxed()
    }
}

fn once(response: Response) -> BoxStream<'static, Answer> {
    stream::once(async { Answer::Own(Box::new(response)) }).boxed()
}
