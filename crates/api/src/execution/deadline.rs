//! Limits on the duration of an operation and the size of its response.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_graphql::{
    Response, ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo},
};
use tokio::{
    sync::Notify,
    task::consume_budget,
    time::{Instant, timeout_at},
};

use crate::error::{ApiError, ErrorCode, response_of};

/// After this number of fields, an operation may yield to others on its thread: some milliseconds of work.
const FIELDS_A_STEP: usize = 8;

/// Limits on a query, a mutation, or one response of a subscription. A stopped operation ends its statement too: see
/// [`inlet_store::database::Database::connect`].
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Maximum duration.
    pub time: Duration,
    /// Maximum size of the response in bytes, counted while it is made.
    pub bytes: usize,
}

impl ExtensionFactory for Bounds {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Bounded {
            bounds: *self,
            bytes: AtomicUsize::new(0),
            fields: AtomicUsize::new(0),
            full: Notify::new(),
        })
    }
}

/// Deadline of an operation. Its time runs from its arrival.
pub struct Until(pub Instant);

/// The counters of one operation.
struct Bounded {
    bounds: Bounds,
    bytes: AtomicUsize,
    fields: AtomicUsize,
    full: Notify,
}

impl Bounded {
    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.bounds.bytes
    }

    /// Resolves when the response has become too long.
    async fn overflow(&self) {
        while !self.is_full() {
            self.full.notified().await;
        }
    }
}

#[async_trait::async_trait]
impl Extension for Bounded {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        // A subscription is executed again for each of its responses.
        self.bytes.store(0, Ordering::Relaxed);
        let Bounds { time, bytes } = self.bounds;
        let until = ctx.data_opt::<Until>().map_or_else(|| Instant::now() + time, |until| until.0);
        tokio::select! {
            biased;
            () = self.overflow() => response_of(ApiError::new(
                ErrorCode::LimitExceeded,
                format!("the response has more than {bytes} bytes: query fewer items or fewer fields at once"),
            )),
            response = timeout_at(until, next.run(ctx, operation_name)) => response.unwrap_or_else(|_| response_of(ApiError::new(
                ErrorCode::Timeout,
                format!(
                    "the operation took longer than {} s and was stopped: query less at once; retry a mutation with the \
                     same idempotency key",
                    time.as_secs_f64()
                ),
            ))),
        }
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        if self.fields.fetch_add(1, Ordering::Relaxed).is_multiple_of(FIELDS_A_STEP) {
            consume_budget().await;
        }
        let name = info.alias.unwrap_or(info.name).len();
        let is_leaf = info.field.selection_set.node.items.is_empty();
        let value = next.run(ctx, info).await?;
        let told = if is_leaf { value.as_ref().map_or(NULL, length) } else { MARKS };
        self.bytes.fetch_add(name + MARKS + told, Ordering::Relaxed);
        if self.is_full() {
            // `execute` gives the whole operation up.
            self.full.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(value)
    }
}

/// The quotes of a name, a colon and a comma.
const MARKS: usize = 4;
const NULL: usize = 4;
/// Approximate length of a number.
const NUMBER: usize = 8;

/// Approximate length of a value as JSON.
fn length(value: &Value) -> usize {
    match value {
        Value::Null => NULL,
        Value::Boolean(_) => 5,
        Value::Number(_) => NUMBER,
        Value::String(text) => escaped(text),
        Value::Enum(name) => name.len() + 2,
        Value::Binary(bytes) => bytes.len() * NUMBER,
        Value::List(items) => items.iter().map(|item| length(item) + 1).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + MARKS + length(value)).sum::<usize>() + 2
        }
    }
}

fn escaped(text: &str) -> usize {
    let of = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..=31 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum::<usize>() + 2
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};

    use super::*;

    struct Query;

    #[Object]
    impl Query {
        async fn text(&self, length: usize) -> String {
            "\u{1}".repeat(length)
        }

        async fn list(&self, length: usize) -> Vec<Item> {
            (0..length).map(|_| Item).collect()
        }
    }

    struct Item;

    #[Object]
    impl Item {
        async fn text(&self) -> &str {
            "ten bytes."
        }
    }

    async fn asked(query: &str) -> Response {
        let bounds = Bounds { time: Duration::from_secs(60), bytes: 100_000 };
        Schema::build(Query, EmptyMutation, EmptySubscription).extension(bounds).finish().execute(query).await
    }

    #[tokio::test]
    async fn c1_an_answer_is_given_up_as_soon_as_it_is_too_long() {
        for fits in ["{ text(length: 16000) }", "{ list(length: 2000) { text } }"] {
            assert!(asked(fits).await.errors.is_empty(), "{fits}");
        }
        for too_long in [
            "{ text(length: 17000) }",
            "{ a: text(length: 9000) b: text(length: 9000) }",
            "{ list(length: 5000) { text } }",
            "{ list(length: 2500) { a: text b: text } }",
        ] {
            let answer = asked(too_long).await;
            assert!(answer.errors[0].message.contains("100000 bytes"), "{too_long}: {:?}", answer.errors);
            assert_eq!(answer.data, Value::Null);
        }
    }

    #[tokio::test]
    async fn c2_work_that_waits_for_nothing_makes_room_for_others() {
        let mut asked = Box::pin(asked("{ list(length: 3000) { text } }"));
        let mut steps = 1;
        while futures::poll!(&mut asked).is_pending() {
            steps += 1;
            tokio::task::yield_now().await;
        }
        assert!(steps > 1, "all in one go");
    }

    #[test]
    fn c1_the_length_is_that_of_json() {
        for value in
            [async_graphql::value!({"a": ["text", "\u{1}\"\n", 1.5, null, true], "b": {}}), async_graphql::value!([])]
        {
            let json = serde_json::to_string(&value).unwrap().len();
            let told = length(&value);
            assert!(told >= json && told <= json + 24, "{told} for {json}");
        }
    }
}
