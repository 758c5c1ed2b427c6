//! Composed requests: what a webhook sends when its owner says how it is to look. Values come from the event alone, and
//! each is encoded for where it stands, so that no value can change the URL's structure, add a header or break the body.

mod template;
mod url;

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub use self::template::Path;
use self::{template::Template, url::UrlTemplate};
use crate::{
    event::EventType,
    json,
    model::{target::TargetPolicy, words},
};

words! {
    /// How a composed request is made.
    Method {
        /// All in the URL; it has no body.
        Get = "get",
        /// With a body.
        Post = "post",
        /// With a body.
        Put = "put",
        /// With a body.
        Patch = "patch",
        /// It has no body.
        Delete = "delete",
    }
}

impl Method {
    fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

words! {
    /// How a composed body is written.
    BodyFormat {
        /// `application/json`.
        Json = "json",
        /// `application/x-www-form-urlencoded`.
        Form = "form",
        /// `multipart/form-data`.
        Multipart = "multipart",
    }
}

/// How a webhook's requests are to look. The URL, a template too, is the webhook's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Composition {
    /// The method.
    pub method: Method,
    /// Names and values; the values are templates.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// How the body is written.
    pub body_format: BodyFormat,
    /// JSON whose texts are templates; of a form, an object of texts. Without one the event itself is sent.
    #[serde(default)]
    pub body: Option<Value>,
}

/// What is wrong with a composition, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ComposeError {
    /// Such as `composition.body.status` or `url`.
    pub path: String,
    /// What is wrong and what to do.
    pub problem: String,
}

fn wrong<T>(path: impl Into<String>, problem: impl Into<String>) -> Result<T, ComposeError> {
    Err(ComposeError { path: path.into(), problem: problem.into() })
}

/// The most bytes of a body's template, and the most headers.
const LONGEST_BODY: usize = 64 * 1024;
const MOST_HEADERS: usize = 50;
/// The most bytes of what is sent: a template may name a long text many times.
const LONGEST_RESULT: usize = 1024 * 1024;

/// A composition, read and ready.
#[derive(Debug, Clone)]
pub struct Composer {
    method: Method,
    url: UrlTemplate,
    headers: Vec<(String, Template)>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    None,
    /// The event itself.
    Event,
    Json(Node),
    Form(Vec<(String, Template)>),
    Multipart(Vec<(String, Template)>),
}

/// JSON with templates for texts.
#[derive(Debug, Clone)]
enum Node {
    Plain(Value),
    Text(Template),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// A request as it is to be sent, but for its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: ::url::Url,
    /// Beside the ones that every webhook has; visible ASCII.
    pub headers: Vec<(String, String)>,
    /// Of the body, where there is one.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Composer {
    /// Reads a composition. The names of its headers are the caller's to check.
    ///
    /// # Errors
    /// With the first thing that is wrong, and where.
    pub fn read(url: &str, composition: &Composition, targets: TargetPolicy) -> Result<Self, ComposeError> {
        let url = UrlTemplate::read(url, targets).or_else(|problem| wrong("url", problem))?;
        if composition.headers.len() > MOST_HEADERS {
            return wrong("composition.headers", format!("there may be {MOST_HEADERS} headers at most"));
        }
        let mut headers = Vec::with_capacity(composition.headers.len());
        for (index, (name, value)) in composition.headers.iter().enumerate() {
            let path = format!("composition.headers.{index}.value");
            if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) || value.len() > 4096 {
                return wrong(path, "a header's value is up to 4,096 visible ASCII characters");
            }
            let template = Template::read(value).or_else(|problem| wrong(path, problem))?;
            headers.push((name.clone(), template));
        }
        let body = match (&composition.body, composition.method.has_body()) {
            (None, false) => Body::None,
            (Some(_), false) => {
                return wrong("composition.body", "a GET or DELETE has no body: use POST, PUT or PATCH");
            }
            (None, true) if composition.body_format == BodyFormat::Json => Body::Event,
            (None, true) => return wrong("composition.body", "a form needs its fields: give an object of texts"),
            (Some(body), true) => {
                if body.to_string().len() > LONGEST_BODY {
                    return wrong("composition.body", format!("a body's template has at most {LONGEST_BODY} bytes"));
                }
                match composition.body_format {
                    BodyFormat::Json => Body::Json(node("composition.body", body)?),
                    BodyFormat::Form => Body::Form(fields(body)?),
                    BodyFormat::Multipart => Body::Multipart(fields(body)?),
                }
            }
        };
        Ok(Self { method: composition.method, url, headers, body })
    }

    /// Checks that each placeholder names something that every one of these types has, by their schemas.
    ///
    /// # Errors
    /// With the first that does not, and the type that lacks it.
    pub fn check(&self, kinds: &[(EventType, Value)]) -> Result<(), ComposeError> {
        let mut all: Vec<(String, &Path)> = Vec::new();
        all.extend(self.url.paths().map(|path| ("url".to_owned(), path)));
        for (index, (_, value)) in self.headers.iter().enumerate() {
            all.extend(value.paths().map(|path| (format!("composition.headers.{index}.value"), path)));
        }
        match &self.body {
            Body::None | Body::Event => {}
            Body::Json(root) => root.paths("composition.body", &mut all),
            Body::Form(fields) | Body::Multipart(fields) => {
                for (name, value) in fields {
                    all.extend(value.paths().map(|path| (format!("composition.body.{name}"), path)));
                }
            }
        }
        for (place, path) in all {
            for (kind, schema) in kinds {
                if !path.is_declared(schema) {
                    let problem = format!(
                        "`@{{{{{}}}}}` is not in the events of type {}: name a member that it has, or leave the type out",
                        path.written(),
                        kind.name()
                    );
                    return wrong(place, problem);
                }
            }
        }
        Ok(())
    }

    /// The request for an event; `body` is the event as every other webhook gets it, and `event` the same, read.
    ///
    /// # Errors
    /// Where the event's values cannot stand where they are to: the path says where.
    pub fn compose(&self, event: &Value, body: &[u8]) -> Result<Composed, ComposeError> {
        let url = self.url.fill(event).or_else(|problem| wrong("url", problem))?;
        let header = |(name, value): &(String, Template)| (name.clone(), value.fill(event, visible));
        let headers: Vec<(String, String)> = self.headers.iter().map(header).collect();
        let (content_type, body) = match &self.body {
            Body::None => (None, Vec::new()),
            Body::Event => (Some("application/json".to_owned()), body.to_vec()),
            Body::Json(root) => (Some("application/json".to_owned()), json::javascript(&root.fill(event)).into_bytes()),
            Body::Form(fields) => {
                (Some("application/x-www-form-urlencoded".to_owned()), form(fields, event).into_bytes())
            }
            Body::Multipart(fields) => multipart(fields, event),
        };
        if body.len() > LONGEST_RESULT {
            return wrong("composition.body", format!("the body would have more than {LONGEST_RESULT} bytes"));
        }
        Ok(Composed { method: self.method, url, headers, content_type, body })
    }
}

fn node(path: &str, value: &Value) -> Result<Node, ComposeError> {
    Ok(match value {
        Value::String(text) => Node::Text(Template::read(text).or_else(|problem| wrong(path, problem))?),
        Value::Array(items) => {
            let item = |(index, item): (usize, &Value)| node(&format!("{path}.{index}"), item);
            Node::List(items.iter().enumerate().map(item).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            if let Some(name) = members.keys().find(|name| name.contains("@{{")) {
                return wrong(path, format!("`{name}`: a member's name may not hold a placeholder"));
            }
            let member = |(name, value): (&String, &Value)| Ok((name.clone(), node(&format!("{path}.{name}"), value)?));
            Node::Object(members.iter().map(member).collect::<Result<_, _>>()?)
        }
        plain => Node::Plain(plain.clone()),
    })
}

impl Node {
    fn paths<'a>(&'a self, place: &str, all: &mut Vec<(String, &'a Path)>) {
        match self {
            Self::Plain(_) => {}
            Self::Text(template) => all.extend(template.paths().map(|path| (place.to_owned(), path))),
            Self::List(items) => {
                items.iter().enumerate().for_each(|(index, item)| item.paths(&format!("{place}.{index}"), all));
            }
            Self::Object(members) => {
                members.iter().for_each(|(name, member)| member.paths(&format!("{place}.{name}"), all));
            }
        }
    }

    fn fill(&self, event: &Value) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Text(template) => template.value(event),
            Self::List(items) => items.iter().map(|item| item.fill(event)).collect(),
            Self::Object(members) => Value::Object(
                members.iter().map(|(name, member)| (name.clone(), member.fill(event))).collect::<Map<_, _>>(),
            ),
        }
    }
}

fn fields(body: &Value) -> Result<Vec<(String, Template)>, ComposeError> {
    let Value::Object(members) = body else {
        return wrong("composition.body", "a form is an object of texts");
    };
    let field = |(name, value): (&String, &Value)| {
        let path = format!("composition.body.{name}");
        if name.is_empty() || name.contains("@{{") || name.chars().any(char::is_control) {
            return wrong(path, "a field's name is a text without placeholders and control characters");
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return wrong(path, "a field of a form is a text, a number or a boolean"),
        };
        Ok((name.clone(), Template::read(&text).or_else(|problem| wrong(path, problem))?))
    };
    members.iter().map(field).collect()
}

fn form(fields: &[(String, Template)], event: &Value) -> String {
    let mut out = ::url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        out.append_pair(name, &value.fill(event, str::to_owned));
    }
    out.finish()
}

/// As RFC 7578 has it, names quoted as browsers do. The boundary is a digest of what it separates: no field holds it.
fn multipart(fields: &[(String, Template)], event: &Value) -> (Option<String>, Vec<u8>) {
    let fields: Vec<(&String, String)> =
        fields.iter().map(|(name, value)| (name, value.fill(event, str::to_owned))).collect();
    let mut digest = Sha256::new();
    fields.iter().for_each(|(name, value)| digest.update(format!("{}:{name}{}:{value}", name.len(), value.len())));
    let boundary = format!("inlet-{}", hex::encode(digest.finalize()));
    let mut body = String::new();
    for (name, value) in fields {
        let name = name.replace('"', "%22");
        let _ = write!(body, "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    let _ = write!(body, "--{boundary}--\r\n");
    (Some(format!("multipart/form-data; boundary={boundary}")), body.into_bytes())
}

/// A value as it may stand in a header: what is not visible ASCII is percent-encoded, and so is the percent sign where
/// it would look like that.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte == b' ' || (byte.is_ascii_graphic() && byte != b'%') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests;
