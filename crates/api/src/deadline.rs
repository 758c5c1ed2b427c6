//! How long an operation may take.

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Response,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
};
use tokio::time::timeout;

use crate::{
    error::{ApiError, ErrorCode},
    operation::response_of,
};

/// Gives up whatever takes longer: a query, a mutation, or one answer of a subscription. Its statement ends with it:
/// see [`inlet_domain::database::Database::connect`].
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub Duration);

impl ExtensionFactory for Deadline {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(*self)
    }
}

#[async_trait::async_trait]
impl Extension for Deadline {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        match timeout(self.0, next.run(ctx, operation_name)).await {
            Ok(response) => response,
            Err(_) => response_of(ApiError::new(
                ErrorCode::Timeout,
                format!(
                    "the operation took longer than {} s and was given up: ask for less at once; repeat a mutation with \
                     its idempotency key",
                    self.0.as_secs_f64()
                ),
            )),
        }
    }
}
