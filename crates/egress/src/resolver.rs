//! Resolves names inside the connector and refuses inner addresses there. So the checked address is the one that the
//! client connects to.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use inlet_domain::model::address::InnerAddress;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::Policy;

/// A name with an inner address.
#[derive(Debug, thiserror::Error)]
#[error("{name} leads to {address}, which is not a public address ({kind})")]
pub(crate) struct RefusedAddress {
    name: String,
    address: std::net::IpAddr,
    pub(crate) kind: InnerAddress,
}

/// Resolves names with `lookup`, and refuses a name if any of its addresses is an inner one. Without a policy it
/// refuses none.
pub(crate) struct GuardedResolver<L> {
    lookup: Arc<L>,
    policy: Option<Policy>,
}

impl<L> GuardedResolver<L> {
    pub(crate) fn new(lookup: L, policy: Option<Policy>) -> Self {
        Self { lookup: Arc::new(lookup), policy }
    }
}

impl<L, F> Resolve for GuardedResolver<L>
where
    L: Fn(String) -> F + Send + Sync + 'static,
    F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
{
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, policy) = (self.lookup.clone(), self.policy);
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let addresses = lookup(name.clone()).await?;
            for address in &addresses {
                policy.map_or(Ok(()), |policy| policy.check_address(address.ip())).map_err(|kind| RefusedAddress {
                    name: name.clone(),
                    address: address.ip(),
                    kind,
                })?;
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Resolves a name with the operating system.
pub(crate) async fn system(name: String) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.collect())
}
