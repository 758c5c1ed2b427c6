//! The parameters of a GraphQL request, checked strictly (GraphQL over HTTP, section "Request Parameters").

use serde_json::{Map, Value};

/// The parameters of a request: well-formed, but not parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    pub query: String,
    /// The name of the operation to execute.
    pub operation_name: Option<String>,
    pub variables: Map<String, Value>,
}

/// Reason why a request is not a GraphQL request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParameters {
    #[error("the body is no JSON: {0}")]
    NotJson(String),
    #[error("expected a JSON object with the member `query`; batches are not supported")]
    NotAnObject,
    #[error("the parameter `query` is missing")]
    NoQuery,
    #[error("the parameter `{0}` must be {1}")]
    WrongType(&'static str, &'static str),
}

fn text(members: &mut Map<String, Value>, name: &'static str) -> Result<Option<String>, BadParameters> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(BadParameters::WrongType(name, "text")),
    }
}

fn object(members: &mut Map<String, Value>, name: &'static str) -> Result<Map<String, Value>, BadParameters> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(BadParameters::WrongType(name, "an object")),
    }
}

impl Parameters {
    /// From the bytes of a JSON body.
    ///
    /// # Errors
    /// If it is not a JSON object with the right fields.
    pub fn from_body(body: &[u8]) -> Result<Self, BadParameters> {
        Self::from_json(serde_json::from_slice(body).map_err(|error| BadParameters::NotJson(error.to_string()))?)
    }

    /// From a JSON value.
    ///
    /// # Errors
    /// If it is not an object with the right fields.
    pub fn from_json(value: Value) -> Result<Self, BadParameters> {
        let Value::Object(mut members) = value else { return Err(BadParameters::NotAnObject) };
        object(&mut members, "extensions")?;
        Ok(Self {
            query: text(&mut members, "query")?.ok_or(BadParameters::NoQuery)?,
            operation_name: text(&mut members, "operationName")?,
            variables: object(&mut members, "variables")?,
        })
    }

    /// From the query of a URL, in which both maps are JSON text.
    ///
    /// # Errors
    /// If a parameter is missing or has the wrong type.
    pub fn from_url(query: &str) -> Result<Self, BadParameters> {
        let mut members = Map::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = match name.as_ref() {
                "query" | "operationName" => Value::String(value.into_owned()),
                "variables" if value.is_empty() => continue,
                "extensions" if value.is_empty() => continue,
                "variables" => serde_json::from_str(&value)
                    .map_err(|_| BadParameters::WrongType("variables", "an object, as JSON"))?,
                "extensions" => serde_json::from_str(&value)
                    .map_err(|_| BadParameters::WrongType("extensions", "an object, as JSON"))?,
                _ => continue,
            };
            members.insert(name.into_owned(), value);
        }
        Self::from_json(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_strict_and_null_is_absent() {
        let ok = Parameters::from_json(json!({"query": "{a}", "variables": null, "operationName": null, "x": 1}));
        assert_eq!(ok.map(|parameters| parameters.query), Ok("{a}".to_owned()));
        for bad in [
            json!([{"query": "{a}"}]),
            json!({}),
            json!({"query": 1}),
            json!({"query": "{a}", "variables": "x"}),
            json!({"query": "{a}", "variables": []}),
            json!({"query": "{a}", "operationName": 0}),
            json!({"query": "{a}", "extensions": "x"}),
        ] {
            assert!(Parameters::from_json(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_url_carries_json_in_its_variables() {
        let parameters = Parameters::from_url("query=%7Ba%7D&variables=%7B%22n%22%3A1%7D&extensions=&other=1").unwrap();
        assert_eq!(parameters.variables, *json!({"n": 1}).as_object().unwrap());
        assert!(Parameters::from_url("variables=%7B%7D").is_err());
        assert!(Parameters::from_url("query=x&variables=1").is_err());
    }
}
