//! Look-ups by key that are put together: what the resolvers of one level ask for becomes one statement.
//!
//! A batch closes when the task has polled every resolver that is ready, so it costs no timer.
//! Nothing is kept: a later batch reads again, so the objects in a live frame are never older than its event.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use inlet_domain::error::StoreError;

type Answer<K, V> = Result<Arc<HashMap<K, V>>, Arc<StoreError>>;
type Read<K, V> = dyn Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, StoreError>> + Send + Sync;

struct Open<K, V> {
    keys: Arc<Mutex<Option<Vec<K>>>>,
    answer: Shared<BoxFuture<'static, Answer<K, V>>>,
}

/// Look-ups of one kind.
pub struct Batch<K, V> {
    read: Arc<Read<K, V>>,
    open: Mutex<Option<Open<K, V>>>,
}

impl<K, V> Batch<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// That are read by `read`; a key that it leaves out has no value.
    pub fn new<F>(read: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<HashMap<K, V>, StoreError>> + Send + 'static,
    {
        Self { read: Arc::new(move |keys| read(keys).boxed()), open: Mutex::new(None) }
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// Where the statement failed.
    pub async fn load(&self, key: K) -> Result<Option<V>, Arc<StoreError>> {
        let answer = self.join(key.clone());
        Ok(answer.await?.get(&key).cloned())
    }

    fn join(&self, key: K) -> Shared<BoxFuture<'static, Answer<K, V>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batch) = open.as_ref()
            && let Some(keys) = batch.keys.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
        {
            keys.push(key);
            return batch.answer.clone();
        }
        let keys = Arc::new(Mutex::new(Some(vec![key])));
        let (read, taken) = (Arc::clone(&self.read), Arc::clone(&keys));
        let answer = async move {
            // Every sibling polls this future, so it may not count its polls: it waits for a task that has its turn
            // after this one.
            let (closed, closing) = tokio::sync::oneshot::channel::<()>();
            tokio::spawn(async move { drop(closed) });
            let _ = closing.await;
            let keys = taken.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
            let distinct: Vec<K> = keys.into_iter().collect::<std::collections::HashSet<_>>().into_iter().collect();
            read(distinct).await.map(Arc::new).map_err(Arc::new)
        }
        .boxed()
        .shared();
        *open = Some(Open { keys, answer: answer.clone() });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn siblings_share_one_statement_and_later_ones_read_again() {
        let statements = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&statements);
        let batch = Batch::new(move |keys: Vec<u32>| {
            counter.fetch_add(1, Ordering::Relaxed);
            async move { Ok(keys.into_iter().filter(|key| key % 2 == 0).map(|key| (key, key * 10)).collect()) }
        });
        let values = futures::future::join_all([2, 3, 2, 4].map(|key| batch.load(key))).await;
        let values: Vec<_> = values.into_iter().map(Result::unwrap).collect();
        assert_eq!(values, [Some(20), None, Some(20), Some(40)]);
        assert_eq!(statements.load(Ordering::Relaxed), 1);
        batch.load(2).await.unwrap();
        assert_eq!(statements.load(Ordering::Relaxed), 2);
    }
}
