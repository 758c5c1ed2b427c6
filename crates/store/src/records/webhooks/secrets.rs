//! The sealed values of a webhook: its secrets, its legacy signature, and the values of secret headers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{WebhookId, WorkspaceId},
    model::webhook::LegacySignature,
    secrets::{Place, Sealer},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::StoreError;

/// A secret that signs the requests to a webhook.
#[derive(Debug, Clone)]
pub struct SigningSecret {
    /// The secret with its prefix `whsec_`.
    pub secret: SecretString,
    /// When the secret expires. None unless a rotation replaced it.
    pub until: Option<DateTime<Utc>>,
}

impl SigningSecret {
    /// Whether the secret is valid at `now`.
    #[must_use]
    pub fn counts(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// An element of the sealed array. A secret that was never rotated may be a plain string.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Alone(String),
    Rotated { secret: String, until: Option<DateTime<Utc>> },
}

fn place(workspace: WorkspaceId, id: WebhookId, column: &'static str) -> Place {
    Place { workspace, table: "webhook", id: id.0, column }
}

fn seal<T: Serialize + ?Sized>(sealer: &Sealer, place: &Place, value: &T) -> Vec<u8> {
    let Ok(bytes) = serde_json::to_vec(value) else { unreachable!("strings and times serialise") };
    sealer.seal(place, &Zeroizing::new(bytes))
}

fn open<T: serde::de::DeserializeOwned>(sealer: &Sealer, place: &Place, sealed: &[u8]) -> Result<T, StoreError> {
    let plain = sealer.open(place, sealed)?;
    // Name the place only, because the value is a secret.
    serde_json::from_slice(&plain).map_err(|error| StoreError::InvalidRow {
        table: "webhook",
        column: place.column,
        row: Uuid::to_string(&place.id),
        problem: format!("unreadable at column {}", error.column()),
    })
}

/// Seals secrets, newest first.
pub(super) fn seal_secrets(
    sealer: &Sealer,
    workspace: WorkspaceId,
    id: WebhookId,
    secrets: &[SigningSecret],
) -> Vec<u8> {
    let kept = |it: &SigningSecret| match it.until {
        None => Kept::Alone(it.secret.expose_secret().to_owned()),
        until => Kept::Rotated { secret: it.secret.expose_secret().to_owned(), until },
    };
    seal(sealer, &place(workspace, id, "sealed_secrets"), &secrets.iter().map(kept).collect::<Vec<_>>())
}

/// Opens sealed secrets, newest first.
pub(in crate::records) fn open_secrets(
    sealer: &Sealer,
    workspace: WorkspaceId,
    id: WebhookId,
    sealed: &[u8],
) -> Result<Vec<SigningSecret>, StoreError> {
    let kept: Vec<Kept> = open(sealer, &place(workspace, id, "sealed_secrets"), sealed)?;
    let secret = |kept| match kept {
        Kept::Alone(secret) => SigningSecret { secret: secret.into(), until: None },
        Kept::Rotated { secret, until } => SigningSecret { secret: secret.into(), until },
    };
    Ok(kept.into_iter().map(secret).collect())
}

/// Seals a legacy signature.
pub(super) fn seal_legacy(sealer: &Sealer, workspace: WorkspaceId, id: WebhookId, legacy: &LegacySignature) -> Vec<u8> {
    seal(sealer, &place(workspace, id, "sealed_legacy_signature"), legacy)
}

/// Opens a sealed legacy signature.
pub(in crate::records) fn open_legacy(
    sealer: &Sealer,
    workspace: WorkspaceId,
    id: WebhookId,
    sealed: &[u8],
) -> Result<LegacySignature, StoreError> {
    open(sealer, &place(workspace, id, "sealed_legacy_signature"), sealed)
}

/// Seals the values of secret headers by their names.
pub(super) fn seal_headers(
    sealer: &Sealer,
    workspace: WorkspaceId,
    id: WebhookId,
    values: &BTreeMap<String, SecretString>,
) -> Vec<u8> {
    let plain: BTreeMap<&str, &str> =
        values.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    seal(sealer, &place(workspace, id, "sealed_headers"), &plain)
}

/// Opens the sealed values of secret headers.
pub(in crate::records) fn open_headers(
    sealer: &Sealer,
    workspace: WorkspaceId,
    id: WebhookId,
    sealed: &[u8],
) -> Result<BTreeMap<String, SecretString>, StoreError> {
    let plain: BTreeMap<String, String> = open(sealer, &place(workspace, id, "sealed_headers"), sealed)?;
    Ok(plain.into_iter().map(|(name, value)| (name, value.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use inlet_domain::ambient::Ambient;

    #[test]
    fn secrets_come_back_with_their_ends_and_a_plain_array_is_read_too() {
        let ambient = Ambient::system();
        let sealer = Sealer::new([(1, [3; 32])], ambient.clone()).unwrap();
        let (workspace, id) = (WorkspaceId(ambient.uuid()), WebhookId(ambient.uuid()));
        let until = Some(ambient.now());
        let given =
            [SigningSecret { secret: "new".into(), until: None }, SigningSecret { secret: "old".into(), until }];
        let sealed = seal_secrets(&sealer, workspace, id, &given);
        let opened = open_secrets(&sealer, workspace, id, &sealed).unwrap();
        let shown: Vec<_> = opened.iter().map(|it| (it.secret.expose_secret(), it.until)).collect();
        assert_eq!(shown, [("new", None), ("old", until)]);
        assert!(!opened[1].counts(ambient.now()));

        let plain = sealer.seal(&place(workspace, id, "sealed_secrets"), br#"["first"]"#);
        let opened = open_secrets(&sealer, workspace, id, &plain).unwrap();
        assert_eq!((opened.len(), opened[0].secret.expose_secret(), opened[0].until), (1, "first", None));
        assert!(open_secrets(&sealer, workspace, WebhookId(ambient.uuid()), &plain).is_err(), "bound to its place");
    }
}
