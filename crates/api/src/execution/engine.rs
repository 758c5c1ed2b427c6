//! From well-formed parameters to an answer: limits, the operation's kind, the log's head, the codes of errors.

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
    /// How long an operation may take.
    operation: Duration,
}

/// An operation that may be executed.
pub struct Prepared {
    request: Request,
    plan: Arc<Plan>,
    holder: Holder,
    request_id: String,
    /// The credential of the client; none of a stranger.
    credential: Option<Credential>,
    /// The bytes of its document and variables, as long as it is kept.
    pub weight: usize,
    /// The operation, where it follows the log.
    following: Option<Operation>,
    /// What it is.
    pub kind: OperationType,
}

/// What an HTTP request came to.
pub enum Outcome {
    /// An answer.
    Answered(Written),
    /// It goes on: a subscription, or what its sender wants as a stream.
    Prepared(Box<Prepared>),
}

impl Engine {
    /// Of a schema over these parts.
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

    /// Who a bearer token stands for.
    ///
    /// # Errors
    /// Where the token stands for nothing (any more), or the database fails.
    pub async fn credential(&self, bearer: &str) -> Result<Credential, ApiError> {
        let shared = &self.shared;
        let viewer = credentials::viewer(&shared.database, &shared.ambient, bearer);
        let viewer = shared.database.while_present(viewer).await.map_err(ApiError::from)?.map_err(ApiError::from)?;
        let viewer = viewer.ok_or_else(|| {
            ApiError::new(ErrorCode::Unauthenticated, "this token is unknown, expired or revoked: log in again")
        })?;
        Ok(Credential::new(bearer, viewer))
    }

    /// Looks again at the credential of a connection that stays open: what it gives now counts at once, for what runs
    /// already too.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` where it has ended. Where that cannot be told now, the next look will.
    pub async fn look_again(&self, credential: &Credential) -> Result<(), ApiError> {
        match self.credential(&credential.bearer).await {
            Ok(now) => credential.renew(&now.viewer),
            Err(error) if error.code() == ErrorCode::Unauthenticated => return Err(error),
            Err(_) => {}
        }
        Ok(())
    }

    /// When an operation that comes now is given up, whether or not its turn has come.
    fn until(&self) -> Instant {
        Instant::now() + self.operation
    }

    /// What an operation finds in its context. Its look-ups are its own: an operation that is given up takes them with
    /// it, and the connections that they hold.
    fn caller(&self, credential: Option<&Credential>, origin: Origin, kind: OperationType) -> Caller {
        let gate = self.connections.gate(credential.map(|credential| credential.viewer.scope.workspace()));
        let session = credential.map(|credential| {
            let loaders = Loaders::new(&self.shared.database, &gate, &self.shared.sealer, credential.viewer.scope);
            Arc::new(Requester::new(credential.clone(), Arc::new(loaders)))
        });
        Caller { session, origin, head: None, gate, kind }
    }

    /// Parses an operation when its turn comes, and holds it against the limits that need no schema.
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

    /// Answers a query or a mutation. Where the database hangs it is given up, as where it is away.
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

    /// Answers what comes by HTTP when its turn comes; what `streams` says goes on by [`Engine::stream`].
    ///
    /// # Errors
    /// Where there is no turn.
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

    /// Answers an operation of any kind, a subscription with many answers.
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
            // They are kept for as long as the answers are pumped.
            return Ok(self.pump(answers.inspect(move |_| _ = &kept)));
        };
        operation.kept = kept;
        // Executed once to find what it asks for, or that it asks amiss; then it follows without being executed.
        let refusals = self.executor.run(holder, self.until(), answers.collect::<Vec<_>>().boxed()).await?;
        let wanted = opening.0.lock().take();
        let follow = match wanted {
            Some(wanted) => follow(&self, credential, operation, wanted).boxed(),
            None => stream::empty().boxed(),
        };
        Ok(stream::iter(refusals).chain(follow).boxed())
    }

    /// The answers of a subscription that is executed for as long as it lasts.
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
        // The pump is driven by its own threads; it is waited for beside what it brings.
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
