//! The generated contract is the committed one.

use inlet_tests::workspace;

#[test]
fn schema_graphql_is_what_the_server_says() {
    let committed = std::fs::read_to_string(workspace::root().join("schema.graphql")).unwrap();
    let output = std::process::Command::new(workspace::inlet()).arg("schema").output().unwrap();
    assert!(output.status.success());
    assert!(committed == String::from_utf8(output.stdout).unwrap(), "schema.graphql is out of date: run `make schema`");
}
