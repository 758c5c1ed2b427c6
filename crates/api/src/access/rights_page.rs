//! The table of rights as a page: `docs/permissions.md`.

use std::fmt::Write as _;

use inlet_domain::model::right::{FIELDS, Gift, Grant, KINDS, KeyScope, Need, Right, Role};

/// The table as Markdown, as `inlet rights` prints it.
#[must_use]
pub fn rights_markdown() -> String {
    let mut page = "# Permissions\n\nMade by `make permissions` from the table that the server checks \
                    (`crates/domain/src/model/right/tables.rs`); a test compares the two.\n\nA member has a role. The roles \
                    are in descending order: each has all rights of the next one. An API key has scopes, each with rights \
                    of its own. A request without a right gets `FORBIDDEN`, a request without a credential \
                    `UNAUTHENTICATED`.\n\n## Rights\n\n"
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
        "Only an OWNER creates, changes, disables or demotes an OWNER, revokes an OWNER's invitation, or ends an OWNER's \
         sessions. No API key can. The last OWNER keeps the role.",
        "No one raises their own role.",
        "`sessions` and `revokeSession` cover the viewer's own sessions; with `manage_members`, those of every member.",
        "API keys belong to the workspace, not to their creator. A viewer with `manage_keys` revokes any key, so a leaked \
         key need not wait for its creator.",
        "A change that gives a member or a webhook something new needs the rights to give it. A webhook with another URL \
         gets everything anew.",
        "An invitation works only while the inviter holds the rights that it gives.",
    ];
    let _ = writeln!(page, "\nRules in addition to the rights:\n");
    for rule in rules {
        let _ = writeln!(page, "- {rule}");
    }
    let _ =
        writeln!(page, "\n## Rights to give\n\nA viewer gives only what they hold: each right in the second column.\n");
    let _ = writeln!(page, "| gift | needs |\n|---|---|");
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
    section(&mut page, "Other fields with needs of their own", below.copied());
    section(&mut page, "Objects by id (`node`, `nodes`)", KINDS.iter().copied());
    page
}

fn upper(scope: &KeyScope) -> String {
    scope.as_str().to_uppercase()
}

fn section(page: &mut String, title: &str, entries: impl Iterator<Item = (&'static str, Need)>) {
    let _ = writeln!(page, "\n## {title}\n\n| name | needs |\n|---|---|");
    for (name, need) in entries {
        let _ = writeln!(page, "| `{name}` | {} |", words(need));
    }
}

fn words(need: Need) -> String {
    match need {
        Need::Nothing => "no credential".to_owned(),
        Need::Credential => "any credential".to_owned(),
        Need::Session => "a member session".to_owned(),
        Need::Rights(rights) => rights.iter().map(|right| format!("`{right}`")).collect::<Vec<_>>().join(" and "),
        Need::Member(rights) => format!("a member session and {}", words(Need::Rights(rights))),
        Need::Kind => "the needs of the object, see below".to_owned(),
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

    /// Inputs differ, but each takes a key.
    #[test]
    fn every_mutation_takes_an_idempotency_key() {
        // Keys belong to an actor, and a client without a credential is none. A token works once by itself.
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
