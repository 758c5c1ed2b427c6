//! The table of who may do what, for people: `docs/permissions.md` is made of it.

use std::fmt::Write as _;

use inlet_domain::model::right::{FIELDS, Gift, Grant, KINDS, KeyScope, Need, Right, Role};

/// The table as Markdown, as `inlet rights` prints it.
#[must_use]
pub fn rights_markdown() -> String {
    let mut page = "# Who may do what\n\nMade by `make permissions` from the one table that the server asks \
                    (`crates/domain/src/model/right/tables.rs`); a test compares the two.\n\nA member has a role, and each \
                    role may all that the next one may. An API key has scopes, each of which stands for itself. \
                    Whoever lacks a right gets `FORBIDDEN`; whoever shows no credential, `UNAUTHENTICATED`.\n\n\
                    ## Rights\n\n"
        .to_owned();
    let roles = Role::ALL.iter().map(|role| (role.as_str().to_uppercase(), Grant::Role(*role)));
    let scopes = KeyScope::ALL.iter().map(|scope| (format!("key `{}`", upper(scope)), Grant::Scopes(vec![*scope])));
    let grants: Vec<(String, Grant)> = roles.chain(scopes).collect();
    let names: Vec<&str> = grants.iter().map(|(name, _)| name.as_str()).collect();
    let _ = writeln!(page, "| right | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    for right in Right::ALL {
        let marks: Vec<&str> = grants.iter().map(|(_, grant)| if grant.gives(*right) { "yes" } else { "" }).collect();
        let _ = writeln!(page, "| `{right}` | {} |", marks.join(" | "));
    }
    let rules = [
        "Only an OWNER makes, changes, disables or unmakes an OWNER, takes back an OWNER's invitation, or ends an \
         OWNER's sessions; no key does. One OWNER always stays.",
        "No one raises themselves.",
        "`sessions` and `revokeSession` are about one's own; about everyone's with `manage_members`.",
        "API keys are the workspace's, whoever made them: whoever has `manage_keys` revokes any, so that a key that got \
         out ends without waiting for its maker.",
        "What a member or a webhook is given anew by a change counts as given; a webhook with another URL is given all \
         that it is sent.",
        "An invitation works while the inviter still holds what it gives.",
    ];
    let _ = writeln!(page, "\nBeyond the rights:\n");
    for rule in rules {
        let _ = writeln!(page, "- {rule}");
    }
    let _ =
        writeln!(page, "\n## What may be handed on\n\nWhoever gives something must hold each right that it gives.\n");
    let _ = writeln!(page, "| what is given | needs |\n|---|---|");
    for gift in Gift::ALL {
        let rights: Vec<String> = gift.rights().iter().map(|right| format!("`{right}`")).collect();
        let _ = writeln!(page, "| {gift} | {} |", rights.join(", "));
    }
    for (title, prefix) in [("Queries", "Query."), ("Mutations", "Mutation."), ("Subscriptions", "Subscription.")] {
        let of_root = FIELDS.iter().filter_map(|(name, need)| Some((name.strip_prefix(prefix)?, *need)));
        section(&mut page, title, of_root);
    }
    let roots = ["Query.", "Mutation.", "Subscription."];
    let below = FIELDS.iter().filter(|(name, _)| !roots.iter().any(|root| name.starts_with(root)));
    section(&mut page, "Fields below them that need more than the way to them", below.copied());
    section(&mut page, "Objects by their id (`node`, `nodes`)", KINDS.iter().copied());
    page
}

fn upper(scope: &KeyScope) -> String {
    scope.as_str().to_uppercase()
}

fn section(page: &mut String, title: &str, entries: impl Iterator<Item = (&'static str, Need)>) {
    let _ = writeln!(page, "\n## {title}\n\n| what | needs |\n|---|---|");
    for (name, need) in entries {
        let _ = writeln!(page, "| `{name}` | {} |", words(need));
    }
}

fn words(need: Need) -> String {
    match need {
        Need::Nothing => "nothing".to_owned(),
        Need::Credential => "any credential".to_owned(),
        Need::Session => "a member's session".to_owned(),
        Need::Rights(rights) => rights.iter().map(|right| format!("`{right}`")).collect::<Vec<_>>().join(" and "),
        Need::Member(rights) => format!("a member's session, and {}", words(Need::Rights(rights))),
        Need::Kind => "what the object's kind needs".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_graphql::parser::{
        parse_schema,
        types::{TypeKind, TypeSystemDefinition},
    };
    use inlet_domain::model::right;

    use super::*;

    /// Each object type with its fields and the interfaces that it implements.
    fn objects() -> Vec<(String, Vec<String>, Vec<String>)> {
        let definitions = parse_schema(crate::schema_sdl()).unwrap().definitions;
        let object = |definition| {
            let TypeSystemDefinition::Type(definition) = definition else { return None };
            let TypeKind::Object(object) = definition.node.kind else { return None };
            let fields = object.fields.iter().map(|field| field.node.name.node.to_string()).collect();
            let interfaces = object.implements.iter().map(|name| name.node.to_string()).collect();
            Some((definition.node.name.node.to_string(), fields, interfaces))
        };
        definitions.into_iter().filter_map(object).collect()
    }

    #[test]
    fn the_table_names_every_root_field_and_nothing_that_is_not_there() {
        let mut all = BTreeSet::new();
        for (name, fields, _) in objects() {
            for field in fields {
                let path = format!("{name}.{field}");
                let is_root = ["Query", "Mutation", "Subscription"].contains(&name.as_str());
                assert!(!is_root || right::field(&path).is_some(), "say in right.rs what {path} needs");
                all.insert(path);
            }
        }
        for (name, _) in FIELDS {
            assert!(all.contains(*name), "the schema has no {name}");
        }
    }

    #[test]
    fn the_table_names_every_kind_of_node_and_nothing_that_is_not_there() {
        let nodes: BTreeSet<String> = objects()
            .into_iter()
            .filter(|(_, _, interfaces)| interfaces.iter().any(|name| name == "Node"))
            .map(|(name, _, _)| name)
            .collect();
        let listed: BTreeSet<String> = KINDS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(nodes, listed);
    }

    #[test]
    fn the_committed_page_is_what_the_table_says() {
        let committed = include_str!("../../../../docs/permissions.md");
        assert!(committed == rights_markdown(), "run `make permissions` and read the difference");
    }

    /// What a mutation takes beside its key differs; that it takes one does not.
    #[test]
    fn every_mutation_takes_an_idempotency_key() {
        // Who has no credential is no actor whose keys could be told apart; a token works once by itself.
        let without =
            ["login", "acceptInvitation", "requestPasswordReset", "resetPassword", "setTyping", "setAvailability"];
        let definitions = parse_schema(crate::schema_sdl()).unwrap().definitions;
        let kinds: std::collections::HashMap<String, TypeKind> = definitions
            .into_iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(it) => Some((it.node.name.node.to_string(), it.node.kind)),
                _ => None,
            })
            .collect();
        let Some(TypeKind::Object(mutation)) = kinds.get("Mutation") else { panic!("there are no mutations") };
        for field in mutation.fields.iter().map(|field| &field.node) {
            let name = field.name.node.as_str();
            let input = field.arguments.iter().find(|argument| argument.node.name.node == "input");
            let input = input.map(|input| input.node.ty.node.to_string());
            let key = input.and_then(|input| match kinds.get(input.trim_end_matches('!')) {
                Some(TypeKind::InputObject(input)) => {
                    let key = input.fields.iter().find(|field| field.node.name.node == "idempotencyKey");
                    key.map(|key| key.node.ty.node.to_string())
                }
                _ => None,
            });
            let makes = ["create", "invite", "register", "send"].iter().any(|verb| name.starts_with(verb));
            let expected = match (without.contains(&name), makes) {
                (true, _) => None,
                (false, true) => Some("String!".to_owned()),
                (false, false) => Some("String".to_owned()),
            };
            assert_eq!(key, expected, "{name}");
        }
    }
}
