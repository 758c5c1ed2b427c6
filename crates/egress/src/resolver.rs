//! Names become addresses inside the connector, and inner ones are refused there, so that no name can be looked up
//! once for the check and again, with another answer, for the connection.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use inlet_domain::model::address::InnerAddress;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::Policy;

/// A name that leads into the house.
#[derive(Debug, thiserror::Error)]
#[error("{name} leads to {address}, which is not a public address ({kind})")]
pub(crate) struct RefusedAddress {
    name: String,
    address: std::net::IpAddr,
    pub(crate) kind: InnerAddress,
}

/// Looks names up with `lookup` and refuses a name if any of its addresses is an inner one; without a policy, none.
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

/// The system's own way to look a name up.
pub(crate) async fn system(name: String) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.collect())
}
