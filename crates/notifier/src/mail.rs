//! The operator's mail hook: posts letters to it, signed like webhooks, until the hook takes them or their links have
//! expired.

use std::time::Duration;

use inlet_domain::{ambient::Ambient, secrets::Sealer};
use inlet_egress::{Client, HeaderMap, HeaderValue, Method, Request, Url, header};
use inlet_store::{
    database::Database,
    error::StoreError,
    records::{
        deliveries::Signing,
        mail::{self, Claimed, Due},
        webhooks::SigningSecret,
    },
};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::signing::{Signer, SigningError};

/// The pause between two searches for letters.
const POLL: Duration = Duration::from_secs(1);
/// The timeout of one exchange.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many letters are posted at once.
const AT_ONCE: i64 = 16;

/// The URL of the hook, and the secret that signs its requests.
#[derive(Debug, Clone)]
pub struct MailHook {
    /// The operator's URL. It may be an inner address.
    pub url: Url,
    /// `whsec_` and base64.
    pub secret: SecretString,
}

/// Why a mail hook cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MailHookError {
    /// The URL is not an http or https URL, or holds a user name or a password.
    #[error("the mail hook's URL must be http:// or https:// with a host, without a user name or a password")]
    Url,
    /// The secret is malformed.
    #[error("the mail hook's secret: {0}; make one with `echo whsec_$(openssl rand -base64 32)`")]
    Secret(#[from] SigningError),
}

impl MailHook {
    /// A hook from the configuration.
    ///
    /// # Errors
    /// The URL or the secret is invalid.
    pub fn new(url: &str, secret: SecretString) -> Result<Self, MailHookError> {
        let url = Url::parse(url.trim()).map_err(|_| MailHookError::Url)?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.has_host();
        if !is_plain || !matches!(url.scheme(), "http" | "https") {
            return Err(MailHookError::Url);
        }
        let hook = Self { url, secret };
        hook.signer()?;
        Ok(hook)
    }

    fn signer(&self) -> Result<Signer, SigningError> {
        let secret = SigningSecret { secret: self.secret.clone(), until: None };
        Signer::new(&Signing { secrets: vec![secret], legacy: None, headers: Vec::new() })
    }
}

/// Posts letters to a hook.
pub struct Postman {
    /// Holds the waiting letters.
    pub database: Database,
    /// Opens the letters.
    pub sealer: Sealer,
    /// Time.
    pub ambient: Ambient,
    /// A client that may call inner addresses.
    pub client: Client,
    /// The hook.
    pub hook: MailHook,
}

impl Postman {
    /// Posts letters until `stop`, and finishes the letters in flight.
    pub async fn run(self, stop: CancellationToken) {
        let signer = match self.hook.signer() {
            Ok(signer) => signer,
            Err(error) => {
                tracing::error!(%error, "the mail hook cannot be used, so no letters are sent");
                return;
            }
        };
        loop {
            match self.post_due(&signer).await {
                // More letters may be due.
                Ok(posted) if posted > 0 && !stop.is_cancelled() => continue,
                Ok(_) => {}
                Err(error) => {
                    metrics::counter!("inlet_mail_failures_total").increment(1);
                    tracing::warn!(error = &error as &dyn std::error::Error, "could not read letters; trying again");
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(POLL)).await.is_none() {
                return;
            }
        }
    }

    /// Posts the letters that are due, and reports the letters that are given up. Returns how many were posted.
    async fn post_due(&self, signer: &Signer) -> Result<usize, StoreError> {
        let Claimed { due, given_up } = mail::claim(&self.database, &self.sealer, self.ambient.now(), AT_ONCE).await?;
        for (letter, attempts) in &given_up {
            metrics::counter!("inlet_mail_given_up_total").increment(1);
            tracing::error!(
                %letter, attempts,
                "a letter was given up: the mail hook did not take it before its link expired; repair the hook, then invite again"
            );
        }
        let posted = futures::future::join_all(due.iter().map(|letter| self.post(signer, letter))).await;
        posted.into_iter().collect::<Result<Vec<()>, _>>().map(|posted| posted.len() + given_up.len())
    }

    async fn post(&self, signer: &Signer, letter: &Due) -> Result<(), StoreError> {
        let why = match self.exchange(signer, letter).await {
            Ok(status) if (200..300).contains(&status) => {
                metrics::counter!("inlet_mail_posted_total").increment(1);
                return mail::taken(&self.database, letter).await;
            }
            Ok(status) => format!("the hook answered {status}"),
            Err(error) => error.to_string(),
        };
        metrics::counter!("inlet_mail_failures_total").increment(1);
        tracing::warn!(letter = %letter.id, why, "the mail hook did not take a letter; posting it again later");
        mail::failed(&self.database, letter, self.ambient.now()).await
    }

    async fn exchange(&self, signer: &Signer, letter: &Due) -> Result<u16, inlet_egress::SendError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("Inlet/", env!("CARGO_PKG_VERSION"))));
        let id = HeaderValue::from_str(&format!("mail_{}", letter.id.simple()));
        let id = id.unwrap_or_else(|_| HeaderValue::from_static("mail"));
        let now = self.ambient.now().timestamp();
        signer.sign(&mut headers, &id, now, &letter.body);
        let request = Request {
            method: Method::POST,
            url: self.hook.url.clone(),
            headers,
            body: letter.body.to_vec().into(),
            timeout: TIMEOUT,
            max_body: 1024,
        };
        self.client.send(request).await.map(|answer| answer.status)
    }
}
