//! Batched look-ups by key: the requests of all resolvers on one level become one statement.
//!
//! A batch closes when the task has polled every resolver that is ready, so it needs no timer. A batch keeps no values,
//! unless it remembers: the values for one event are read once for all its subscribers, after the event, so that the
//! objects in a live frame are never older than the event.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use inlet_store::error::StoreError;
use parking_lot::Mutex;

type Answer<K, V> = Result<Arc<HashMap<K, V>>, Arc<StoreError>>;
type Pending<K, V> = Shared<BoxFuture<'static, Answer<K, V>>>;
type Read<K, V> = dyn Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, StoreError>> + Send + Sync;

struct Open<K, V> {
    keys: Arc<Mutex<Option<Vec<K>>>>,
    answer: Pending<K, V>,
}

/// Batched look-ups of one kind.
pub struct Batch<K, V> {
    read: Arc<Read<K, V>>,
    open: Mutex<Option<Open<K, V>>>,
    known: Option<Mutex<HashMap<K, Pending<K, V>>>>,
}

impl<K, V> Batch<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A batch that reads with `read`. A key that `read` leaves out has no value.
    pub fn new<F>(read: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<HashMap<K, V>, StoreError>> + Send + 'static,
    {
        Self { read: Arc::new(move |keys| read(keys).boxed()), open: Mutex::new(None), known: None }
    }

    /// Makes the batch keep values, so that it reads each key once.
    #[must_use]
    pub fn remembering(self, remembers: bool) -> Self {
        Self { known: remembers.then(Mutex::default), ..self }
    }

    /// The value of `key`.
    pub async fn load(&self, key: K) -> Result<Option<V>, Arc<StoreError>> {
        let Some(known) = &self.known else {
            let answer = self.join(key.clone());
            return Ok(answer.await?.get(&key).cloned());
        };
        let answer = {
            let mut known = known.lock();
            known.entry(key.clone()).or_insert_with(|| self.join(key.clone())).clone()
        };
        match answer.clone().await {
            Ok(found) => Ok(found.get(&key).cloned()),
            Err(error) => {
                let mut known = known.lock();
                if known.get(&key).is_some_and(|failed| failed.ptr_eq(&answer)) {
                    known.remove(&key);
                }
                Err(error)
            }
        }
    }

    fn join(&self, key: K) -> Pending<K, V> {
        let mut open = self.open.lock();
        if let Some(batch) = open.as_ref()
            && let Some(keys) = batch.keys.lock().as_mut()
        {
            keys.push(key);
            return batch.answer.clone();
        }
        let keys = Arc::new(Mutex::new(Some(vec![key])));
        let (read, taken) = (Arc::clone(&self.read), Arc::clone(&keys));
        let answer = async move {
            // Every sibling polls this future, so it cannot count its polls. It waits for a task that is scheduled
            // after this one.
            let (closed, closing) = tokio::sync::oneshot::channel::<()>();
            tokio::spawn(async move { drop(closed) });
            let _ = closing.await;
            let keys = taken.lock().take().unwrap_or_default();
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

    #[tokio::test]
    async fn one_that_remembers_reads_each_key_once_and_forgets_what_failed() {
        let statements = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&statements);
        let batch = Batch::new(move |keys: Vec<u32>| {
            let earlier = counter.fetch_add(1, Ordering::Relaxed);
            async move {
                let failed = StoreError::NotFound { kind: "number" };
                if earlier == 0 { Err(failed) } else { Ok(keys.into_iter().map(|key| (key, key * 10)).collect()) }
            }
        })
        .remembering(true);
        assert!(batch.load(2).await.is_err());
        for _ in 0..3 {
            let values = futures::future::join_all([2, 3].map(|key| batch.load(key))).await;
            assert_eq!(values.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [Some(20), Some(30)]);
        }
        assert_eq!(statements.load(Ordering::Relaxed), 2);
    }
}
