use async_graphql::{parser::parse_query, value};

use super::*;

const SDL: &str = "type Query { a: A b: A! n: [A!] m: [A]! u: U! } type A { x: Int y: Int! a: A } union U = A | B \
                   type B { z: Int! }";

fn arranged(query: &str, data: Value, errors: &[Vec<PathSegment>]) -> String {
    let document = parse_query(query).unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    let plan = Plan::of(&Types::of(SDL), &document, &operation.node);
    let mut response = Response::new(data);
    for path in errors {
        response.errors.push(ServerError::new("x", None).with_path(path.clone()));
    }
    plan.arrange(&mut response);
    serde_json::to_string(&response.data).unwrap()
}

fn path(text: &str) -> Vec<PathSegment> {
    let segment = |part: &str| match part.parse() {
        Ok(index) => PathSegment::Index(index),
        Err(_) => PathSegment::Field(part.to_owned()),
    };
    text.split('.').map(segment).collect()
}

#[test]
fn fields_stand_in_the_order_of_the_document() {
    let data = value!({"k": {"y": 1, "x": 2}, "a": {"a": {"y": 3, "x": 4}, "y": 5}});
    let query = "{ a { ...F a { x } } k: a { x y } } fragment F on A { y a { ...G } } fragment G on A { y }";
    assert_eq!(arranged(query, data, &[]), r#"{"a":{"y":5,"a":{"y":3,"x":4}},"k":{"x":2,"y":1}}"#);
}

#[test]
fn a_field_that_failed_is_null_and_its_siblings_stand() {
    assert_eq!(arranged("{ a { x y } b { y } }", value!({"b": {"y": 1}}), &[path("a")]), r#"{"a":null,"b":{"y":1}}"#);
    assert_eq!(arranged("{ a { x } }", Value::Null, &[path("a")]), r#"{"a":null}"#);
    assert_eq!(arranged("{ a { x y } }", value!({"a": {"y": 1}}), &[path("a.x")]), r#"{"a":{"x":null,"y":1}}"#);
}

#[test]
fn a_null_that_may_not_be_goes_up_to_one_that_may() {
    assert_eq!(arranged("{ a { x y } }", value!({"a": {"x": 1}}), &[path("a.y")]), r#"{"a":null}"#);
    assert_eq!(arranged("{ b { x y } }", value!({"b": {"x": 1}}), &[path("b.y")]), "null");
    let list = value!({"n": [{"y": 1}, {"x": 1}]});
    assert_eq!(arranged("{ n { x y } }", list, &[path("n.1.y")]), r#"{"n":null}"#);
    let list = value!({"m": [{"y": 1}, {"x": 1}]});
    assert_eq!(arranged("{ m { y x } }", list, &[path("m.1.y")]), r#"{"m":[{"y":1},null]}"#);
    assert_eq!(arranged("{ n { y } }", Value::Null, &[path("n.0")]), r#"{"n":null}"#);
    assert_eq!(arranged("{ a { a { y } } }", value!({"a": null}), &[path("a.a.y")]), r#"{"a":{"a":null}}"#);
}

#[test]
fn a_null_of_one_object_is_no_fault_for_the_field_of_another() {
    let query = "{ u { ... on A { k: y } ... on B { k: x } } }";
    let sdl = "type Query { u: U } union U = A | B type A { y: Int! } type B { x: Int }";
    let document = parse_query(query).unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    let mut response = Response::new(value!({"u": {"k": null}}));
    Plan::of(&Types::of(sdl), &document, &operation.node).arrange(&mut response);
    assert_eq!(response.data, value!({"u": {"k": null}}));
}

#[test]
fn what_no_fragment_asks_for_is_empty_and_not_null() {
    let query = "{ u { ... on B { z } } a { x } }";
    assert_eq!(arranged(query, value!({"a": null, "u": null}), &[]), r#"{"u":{},"a":null}"#);
}
