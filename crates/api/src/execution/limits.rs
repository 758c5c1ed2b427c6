//! Limits that are checked before validation, so that validation itself is bounded.

use std::collections::HashMap;

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

/// Clients that may introspect the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introspection {
    /// None.
    Off,
    /// Clients with a credential.
    Members,
    /// All.
    Public,
}

/// Maximum depth of an operation.
pub const MAX_DEPTH: usize = 16;
/// Maximum cost of an operation: each field costs 1, a page costs its size times the cost of an item.
pub const MAX_COMPLEXITY: usize = 200_000;
/// Maximum size of a document in bytes.
pub const MAX_TEXT: usize = 64 * 1024;
/// Maximum number of aliases in a document.
pub const MAX_ALIASES: usize = 100;
/// Maximum number of fields in a document after fragments are expanded.
pub const MAX_FIELDS: usize = 10_000;

/// Maximum number of operations in a document.
pub const MAX_OPERATIONS: usize = 100;
/// Maximum number of directives in a document.
pub const MAX_DIRECTIVES: usize = 500;
/// Maximum number of `__schema` in a document: its response is as long as all others that a document may ask for.
pub const MAX_SCHEMAS: usize = 1;
/// Maximum number of `__type` in a document.
pub const MAX_TYPES: usize = 20;
/// Maximum number of steps from a type to the types of its parts: each step multiplies the response by about ten, and
/// tools need one.
pub const MAX_TYPE_STEPS: usize = 2;

/// The limit that a document exceeds, as a sentence for people.
#[must_use]
pub fn exceeded(document: &ExecutableDocument) -> Option<String> {
    let sets = || document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    if sets().chain(fragments).map(aliases).sum::<usize>() > MAX_ALIASES {
        return Some(format!("the document has more than {MAX_ALIASES} aliases"));
    }
    if document.operations.iter().count() > MAX_OPERATIONS {
        return Some(format!("the document has more than {MAX_OPERATIONS} operations"));
    }
    let on_operations = document.operations.iter().map(|(_, operation)| operation.node.directives.len());
    let on_fragments = document.fragments.values().map(|fragment| fragment.node.directives.len());
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    let within = sets().chain(fragments).map(directives).sum::<usize>();
    if on_operations.chain(on_fragments).sum::<usize>() + within > MAX_DIRECTIVES {
        return Some(format!("the document has more than {MAX_DIRECTIVES} directives"));
    }
    let mut known = HashMap::new();
    if sets().any(|set| type_steps(document, set, &mut known) > MAX_TYPE_STEPS) {
        return Some(format!("introspection in the document steps from type to type more than {MAX_TYPE_STEPS} times"));
    }
    let count = |of: fn(&str) -> bool| {
        let mut known = HashMap::new();
        sets().map(|set| fields(document, set, of, &mut known)).fold(0, usize::saturating_add)
    };
    if count(|_| true) > MAX_FIELDS {
        return Some(format!("the document asks for more than {MAX_FIELDS} fields"));
    }
    if count(|name| name == "__schema") > MAX_SCHEMAS {
        return Some("the document asks for `__schema` more than once".to_owned());
    }
    (count(|name| name == "__type") > MAX_TYPES)
        .then(|| format!("the document asks for `__type` more than {MAX_TYPES} times"))
}

fn aliases(set: &SelectionSet) -> usize {
    let of = |selection: &Selection| match selection {
        Selection::Field(field) => usize::from(field.node.alias.is_some()) + aliases(&field.node.selection_set.node),
        Selection::InlineFragment(fragment) => aliases(&fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => 0,
    };
    set.items.iter().map(|selection| of(&selection.node)).sum()
}

/// Whether a document introspects the schema.
#[must_use]
pub fn introspects(document: &ExecutableDocument) -> bool {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).any(asks_for_schema)
}

fn asks_for_schema(set: &SelectionSet) -> bool {
    set.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => {
            matches!(field.node.name.node.as_str(), "__schema" | "__type")
                || asks_for_schema(&field.node.selection_set.node)
        }
        Selection::InlineFragment(fragment) => asks_for_schema(&fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => false,
    })
}

fn directives(set: &SelectionSet) -> usize {
    let of = |selection: &Selection| match selection {
        Selection::Field(field) => field.node.directives.len() + directives(&field.node.selection_set.node),
        Selection::InlineFragment(fragment) => {
            fragment.node.directives.len() + directives(&fragment.node.selection_set.node)
        }
        Selection::FragmentSpread(spread) => spread.node.directives.len(),
    };
    set.items.iter().map(|selection| of(&selection.node)).sum()
}

/// Maximum nesting of lists of a type's parts. Visits each fragment once.
fn type_steps<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    known: &mut HashMap<&'a Name, usize>,
) -> usize {
    let mut most = 0;
    for selection in &set.items {
        let steps = match &selection.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                let is_step = ["fields", "inputFields", "interfaces", "possibleTypes"].contains(&name);
                type_steps(document, &field.node.selection_set.node, known) + usize::from(is_step)
            }
            Selection::InlineFragment(fragment) => type_steps(document, &fragment.node.selection_set.node, known),
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                match (known.get(name), document.fragments.get(name)) {
                    (Some(steps), _) => *steps,
                    (None, None) => 0,
                    (None, Some(fragment)) => {
                        // A fragment counts nothing while it is visited, so a cycle ends. Validation refuses the cycle
                        // later.
                        known.insert(name, 0);
                        let steps = type_steps(document, &fragment.node.selection_set.node, known);
                        known.insert(name, steps);
                        steps
                    }
                }
            }
        };
        most = most.max(steps);
    }
    most
}

/// Number of fields with these names in a document. Visits each fragment once, however often it is used, so a document
/// that doubles at every level costs no time.
fn fields<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    of: fn(&str) -> bool,
    known: &mut HashMap<&'a Name, usize>,
) -> usize {
    let mut count = 0_usize;
    for selection in &set.items {
        let more = match &selection.node {
            Selection::Field(field) => fields(document, &field.node.selection_set.node, of, known)
                .saturating_add(usize::from(of(field.node.name.node.as_str()))),
            Selection::InlineFragment(fragment) => fields(document, &fragment.node.selection_set.node, of, known),
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                match (known.get(name), document.fragments.get(name)) {
                    (Some(counted), _) => *counted,
                    (None, None) => 0,
                    (None, Some(fragment)) => {
                        // A fragment counts nothing while it is counted, so a cycle ends. Validation refuses the cycle
                        // later.
                        known.insert(name, 0);
                        let counted = fields(document, &fragment.node.selection_set.node, of, known);
                        known.insert(name, counted);
                        counted
                    }
                }
            }
        };
        count = count.saturating_add(more);
    }
    count
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn aliases_are_counted_in_fragments_too() {
        let aliased = |n: usize| (0..n).map(|i| format!("a{i}: x ")).collect::<String>();
        let within = format!("{{ {} ...F }} fragment F on T {{ {} }}", aliased(50), aliased(50));
        assert_eq!(exceeded(&parse_query(within).unwrap()), None);
        let beyond = format!("{{ {} ... on T {{ ...F }} }} fragment F on T {{ {} }}", aliased(50), aliased(51));
        assert!(exceeded(&parse_query(beyond).unwrap()).unwrap().contains("aliases"));
    }

    #[test]
    fn the_schema_is_asked_for_by_its_two_fields_wherever_they_stand() {
        for (text, does) in [
            ("{ __typename a { __typename } }", false),
            ("{ a: __type(name: \"T\") { name } }", true),
            ("{ ... { ... on T { __schema { x } } } }", true),
            ("{ ...F } fragment F on T { __schema { x } }", true),
        ] {
            assert_eq!(introspects(&parse_query(text).unwrap()), does, "{text}");
        }
    }

    #[test]
    fn operations_directives_and_steps_from_type_to_type_are_bounded() {
        let exceeds = |text: String| exceeded(&parse_query(text).unwrap()).unwrap_or_default();
        let operations = |n: usize| (0..n).map(|i| format!("query Q{i} {{ x }} ")).collect::<String>();
        assert_eq!(exceeds(operations(100)), "");
        assert!(exceeds(operations(101)).contains("operations"));
        let directed = |n: usize| format!("{{ x {0} ...F {0} }} fragment F on T {0} {{ y }}", "@a ".repeat(n));
        assert_eq!(exceeds(directed(166)), "");
        assert!(exceeds(directed(167)).contains("directives"));
        let steps = "{ __schema { types { fields { type { ...A } } } } } fragment A on __Type { ... on __Type \
                     { interfaces { ...B } } } fragment B on __Type { possibleTypes { name } }";
        assert!(exceeds(steps.to_owned()).contains("type to type"));
        assert_eq!(exceeds(steps.replace("possibleTypes { name }", "name")), "");
    }

    #[test]
    fn b2_the_schema_is_asked_for_once_whatever_stands_for_it() {
        let exceeds = |text: &str| exceeded(&parse_query(text).unwrap()).unwrap_or_default();
        let one = "{ __schema { queryType { name } } ...F } fragment F on Query { __typename }";
        assert_eq!(exceeds(one), "");
        for many in [
            "{ a: __schema { queryType { name } } b: __schema { queryType { name } } }",
            "{ ...F ...F } fragment F on Query { __schema { queryType { name } } }",
            "{ ...F ... { __schema { queryType { name } } } } fragment F on Query { __schema { queryType { name } } }",
        ] {
            assert!(exceeds(many).contains("__schema"), "{many}");
        }
        let types = |n: usize| {
            let each = (0..n).map(|i| format!("a{i}: __type(name: \"T\") {{ name }} ")).collect::<String>();
            exceeds(&format!("{{ {each} }}"))
        };
        assert_eq!(types(20), "");
        assert!(types(21).contains("__type"));
    }

    #[test]
    fn p11_fragments_that_double_at_every_level_are_refused_at_once() {
        let mut text = "{ ...F0 }".to_owned();
        for level in 0..500 {
            let next = level + 1;
            text.push_str(&format!(" fragment F{level} on T {{ a {{ ...F{next} }} b {{ ...F{next} }} }}"));
        }
        text.push_str(" fragment F500 on T { x }");
        assert!(exceeded(&parse_query(text).unwrap()).unwrap().contains("fields"));
        let circle = "{ ...F } fragment F on T { a { ...F } }";
        assert_eq!(exceeded(&parse_query(circle).unwrap()), None);
    }
}
