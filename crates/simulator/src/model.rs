//! What must stand: the sum of the claims of everything that was answered 200, in whatever order and however often.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::claim::{Claim, MessageKey, Rung, Token};

/// A message that must stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// The provider's ids of it; none where the provider gives none.
    pub ids: BTreeSet<String>,
    /// Its newest text with its version, where the message itself came and not only reports on it.
    pub text: Option<(i64, String)>,
    /// Whether the customer sent it.
    pub inbound: bool,
    /// The thread that it belongs to.
    pub thread: Option<String>,
    /// How far each part of it came.
    pub parts: BTreeMap<usize, Rung>,
}

impl Expected {
    /// Where a sent message stands: FAILED when any part is, else as far as the slowest part (DESIGN, section 4).
    #[must_use]
    pub fn rung(&self) -> Option<Rung> {
        let failed = self.parts.values().find(|rung| **rung == Rung::Failed);
        failed.or_else(|| self.parts.values().min()).copied()
    }

    /// How people are told which message is meant.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.ids.first(), &self.text) {
            (Some(id), _) => id.clone(),
            (None, Some((_, text))) => format!("\"{text}\""),
            (None, None) => "a message without a name".into(),
        }
    }
}

/// Everything that must stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    places: HashMap<String, usize>,
    messages: Vec<Expected>,
    contacts: BTreeSet<String>,
    logged: BTreeSet<(&'static str, Token)>,
}

impl Model {
    /// Takes in what an acknowledged event claims. Repeats and order make no difference.
    pub fn acknowledge(&mut self, claims: &[Claim]) {
        for claim in claims {
            match claim {
                Claim::Message { key, inbound, text, thread } => {
                    let message = self.message(key);
                    message.inbound = *inbound;
                    message.thread = Some(thread.clone());
                    if message.text.as_ref().is_none_or(|known| known.0 < text.0) {
                        message.text = Some(text.clone());
                    }
                }
                Claim::Status { key, part, rung } => {
                    let known = self.message(key).parts.entry(*part).or_insert(*rung);
                    *known = (*known).max(*rung);
                }
                Claim::Contact(address) => {
                    self.contacts.insert(address.clone());
                }
                Claim::Logged { kind, token } => {
                    self.logged.insert((kind, token.clone()));
                }
            }
        }
    }

    fn message(&mut self, key: &MessageKey) -> &mut Expected {
        let (name, ids) = match key {
            MessageKey::External(id, also) => (id, std::iter::once(id).chain(also).cloned().collect()),
            MessageKey::Text(text) => (text, BTreeSet::new()),
        };
        let place = *self.places.entry(name.clone()).or_insert_with(|| {
            self.messages.push(Expected::default());
            self.messages.len() - 1
        });
        let message = &mut self.messages[place];
        message.ids.extend(ids);
        message
    }

    /// The messages that must stand, each once.
    #[must_use]
    pub fn messages(&self) -> &[Expected] {
        &self.messages
    }

    /// The phone numbers, email addresses and provider's ids that must each have one contact.
    #[must_use]
    pub fn contacts(&self) -> &BTreeSet<String> {
        &self.contacts
    }

    /// The events that must have been raised, each once.
    #[must_use]
    pub fn logged(&self) -> &BTreeSet<(&'static str, Token)> {
        &self.logged
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{provider::crowd::Crowd, random::Random};

    #[test]
    fn order_and_repeats_make_no_difference() {
        let mut claims: Vec<_> = Crowd::new(7, "a", DateTime::UNIX_EPOCH).take(500).map(|event| event.claims).collect();
        let sum = |claims: &[Vec<Claim>]| {
            let mut model = Model::default();
            claims.iter().for_each(|claims| model.acknowledge(claims));
            let mut messages = model.messages.clone();
            messages.sort_by_key(Expected::name);
            (messages, model.contacts, model.logged)
        };
        let straight = sum(&claims);
        let mut random = Random::seeded(1);
        for _ in 0..20 {
            for place in 0..claims.len() {
                let other = random.below(claims.len());
                claims.swap(place, other);
            }
            claims.push(claims[random.below(claims.len())].clone());
            assert_eq!(sum(&claims), straight);
        }
    }

    #[test]
    fn the_ladder_holds_for_each_part() {
        let expected = |parts: &[(usize, Rung)]| {
            let mut model = Model::default();
            let key = MessageKey::External("m".into(), None);
            for (part, rung) in parts {
                model.acknowledge(&[Claim::Status { key: key.clone(), part: *part, rung: *rung }]);
            }
            model.messages[0].rung()
        };
        assert_eq!(expected(&[(0, Rung::Read), (0, Rung::Failed), (0, Rung::Sent)]), Some(Rung::Read));
        assert_eq!(expected(&[(1, Rung::Delivered), (2, Rung::Sent)]), Some(Rung::Sent));
        assert_eq!(expected(&[(1, Rung::Delivered), (2, Rung::Failed)]), Some(Rung::Failed));
        assert_eq!(expected(&[(1, Rung::Delivered), (2, Rung::Failed), (2, Rung::Delivered)]), Some(Rung::Delivered));
    }
}
