//! The body of a composed request.

use std::fmt::{self, Write};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    BodyFormat, ComposeError, Composition,
    template::{Path, Template},
    written::{Encoding, Written},
    wrong,
};
use crate::json;

/// The most bytes of a body's template.
const LONGEST_TEMPLATE: usize = 64 * 1024;
/// The most bytes of a composed body: a template may name a long text many times.
const LONGEST: usize = 1024 * 1024;

#[derive(Debug, Clone)]
pub(super) enum Body {
    None,
    /// The event's own body.
    Event,
    Json(Node),
    Form(Fields),
    Multipart(Fields),
}

type Fields = Vec<(String, Template)>;

/// JSON whose texts are templates.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Plain(Value),
    Text(Template),
    List(Vec<Node>),
    /// Members in the order in which JavaScript writes them.
    Object(Vec<(String, Node)>),
}

/// A position in a body, the innermost step first.
type Steps = Vec<String>;

/// The position in the form that errors use.
pub(super) fn place(steps: &[String]) -> String {
    let steps = steps.iter().rev().map(String::as_str);
    ["composition.body"].into_iter().chain(steps).collect::<Vec<_>>().join(".")
}

fn too_long<T>(steps: &[String]) -> Result<T, ComposeError> {
    wrong(
        place(steps),
        format!("the body would have more than {LONGEST} bytes here: use shorter members, or fewer of them"),
    )
}

impl Body {
    pub(super) fn read(composition: &Composition) -> Result<Self, ComposeError> {
        Ok(match (&composition.body, composition.method.has_body()) {
            (None, false) => Self::None,
            (Some(_), false) => {
                return wrong("composition.body", "a GET or DELETE has no body: use POST, PUT or PATCH");
            }
            (None, true) if composition.body_format == BodyFormat::Json => Self::Event,
            (None, true) => return wrong("composition.body", "a form needs its fields: give an object of texts"),
            (Some(body), true) => {
                if json::write(body, &mut Written::new(LONGEST_TEMPLATE)).is_err() {
                    return wrong(
                        "composition.body",
                        format!("a body's template has at most {LONGEST_TEMPLATE} bytes"),
                    );
                }
                match composition.body_format {
                    BodyFormat::Json => {
                        Self::Json(Node::read(body).or_else(|(steps, problem)| wrong(place(&steps), problem))?)
                    }
                    BodyFormat::Form => Self::Form(fields(body)?),
                    BodyFormat::Multipart => Self::Multipart(fields(body)?),
                }
            }
        })
    }

    /// The position of the first path for which `holds` is true.
    pub(super) fn place_of<'a>(&'a self, holds: &mut dyn FnMut(&'a Path) -> bool) -> Option<Steps> {
        match self {
            Self::None | Self::Event => None,
            Self::Json(root) => root.place_of(holds),
            Self::Form(fields) | Self::Multipart(fields) => {
                let field = fields.iter().find(|(_, value)| value.paths().any(&mut *holds));
                field.map(|(name, _)| vec![name.clone()])
            }
        }
    }

    /// The content type and the body for an event. Stops at the bound.
    pub(super) fn write(&self, event: &Value, as_it_is: &[u8]) -> Result<(Option<String>, Vec<u8>), ComposeError> {
        Ok(match self {
            Self::None => (None, Vec::new()),
            // Other webhooks get this body too. The log bounds its size.
            Self::Event => (Some("application/json".to_owned()), as_it_is.to_vec()),
            Self::Json(root) => {
                let mut out = Written::new(LONGEST);
                root.write(event, &mut out).or_else(|steps| too_long(&steps))?;
                (Some("application/json".to_owned()), out.into_text().into_bytes())
            }
            Self::Form(fields) => {
                let body = form(fields, event)?;
                (Some("application/x-www-form-urlencoded".to_owned()), body.into_text().into_bytes())
            }
            Self::Multipart(fields) => multipart(fields, event)?,
        })
    }
}

impl Node {
    /// Reads a body template. An error has its position.
    fn read(value: &Value) -> Result<Self, (Steps, String)> {
        let within = |step: String| {
            move |(mut steps, problem): (Steps, String)| {
                steps.push(step);
                (steps, problem)
            }
        };
        Ok(match value {
            Value::String(text) => Self::Text(Template::read(text).map_err(|problem| (Steps::new(), problem))?),
            Value::Array(items) => {
                let item = |(index, item): (usize, &Value)| Self::read(item).map_err(within(index.to_string()));
                Self::List(items.iter().enumerate().map(item).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Self::Object(Self::read_members(members)?),
            plain => Self::Plain(plain.clone()),
        })
    }

    fn read_members(members: &Map<String, Value>) -> Result<Vec<(String, Self)>, (Steps, String)> {
        if let Some(name) = members.keys().find(|name| name.contains("@{{")) {
            return Err((Steps::new(), format!("`{name}`: a member's name may not hold a placeholder")));
        }
        let member = |(name, value): (&String, &Value)| match Self::read(value) {
            Ok(node) => Ok((name.clone(), node)),
            Err((mut steps, problem)) => {
                steps.push(name.clone());
                Err((steps, problem))
            }
        };
        json::in_order(members.iter(), |(name, _)| name).into_iter().map(member).collect()
    }

    fn place_of<'a>(&'a self, holds: &mut dyn FnMut(&'a Path) -> bool) -> Option<Steps> {
        let within = |(steps, step): (Option<Steps>, String)| {
            steps.map(|mut steps| {
                steps.push(step);
                steps
            })
        };
        match self {
            Self::Plain(_) => None,
            Self::Text(template) => template.paths().any(&mut *holds).then(Steps::new),
            Self::List(items) => {
                items.iter().enumerate().find_map(|(index, item)| within((item.place_of(holds), index.to_string())))
            }
            Self::Object(members) => {
                members.iter().find_map(|(name, member)| within((member.place_of(holds), name.clone())))
            }
        }
    }

    /// Writes the body for an event. An error is the position at which the body exceeds the bound.
    fn write(&self, event: &Value, out: &mut Written) -> Result<(), Steps> {
        let here = |written: fmt::Result| written.map_err(|fmt::Error| Steps::new());
        match self {
            Self::Plain(value) => here(json::write(value, out)),
            Self::Text(template) => here(template.write_json(event, out)),
            Self::List(items) => {
                here(out.write_char('['))?;
                for (index, item) in items.iter().enumerate() {
                    let comma = if index > 0 { out.write_char(',') } else { Ok(()) };
                    let written = here(comma).and_then(|()| item.write(event, out));
                    written.map_err(|mut steps| {
                        steps.push(index.to_string());
                        steps
                    })?;
                }
                here(out.write_char(']'))
            }
            Self::Object(members) => {
                here(out.write_char('{'))?;
                for (index, (name, member)) in members.iter().enumerate() {
                    let comma = if index > 0 { out.write_char(',') } else { Ok(()) };
                    let name_written =
                        comma.and_then(|()| json::write_string_to(name, out).and_then(|()| out.write_char(':')));
                    let written = here(name_written).and_then(|()| member.write(event, out));
                    written.map_err(|mut steps| {
                        steps.push(name.clone());
                        steps
                    })?;
                }
                here(out.write_char('}'))
            }
        }
    }
}

fn fields(body: &Value) -> Result<Fields, ComposeError> {
    let Value::Object(members) = body else {
        return wrong("composition.body", "a form is an object of texts");
    };
    let field = |(name, value): (&String, &Value)| {
        let path = || format!("composition.body.{name}");
        if name.is_empty() || name.contains("@{{") || name.chars().any(char::is_control) {
            return wrong(path(), "a field's name is a text without placeholders and control characters");
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return wrong(path(), "a field of a form is a text, a number or a boolean"),
        };
        Ok((name.clone(), Template::read(&text).or_else(|problem| wrong(path(), problem))?))
    };
    members.iter().map(field).collect()
}

fn form(fields: &[(String, Template)], event: &Value) -> Result<Written, ComposeError> {
    let mut out = Written::new(LONGEST);
    for (index, (name, value)) in fields.iter().enumerate() {
        let mut pair = || {
            if index > 0 {
                out.write_char('&')?;
            }
            Encoding::Form.write(name, &mut out)?;
            out.write_char('=')?;
            value.write(event, &mut out, Encoding::Form, Encoding::Form)
        };
        pair().or_else(|fmt::Error| too_long(std::slice::from_ref(name)))?;
    }
    Ok(out)
}

/// Follows RFC 7578, with names quoted as browsers do. The boundary is a digest of the fields, so no field contains it.
fn multipart(fields: &[(String, Template)], event: &Value) -> Result<(Option<String>, Vec<u8>), ComposeError> {
    let mut left = LONGEST;
    let mut values = Vec::with_capacity(fields.len());
    let mut digest = Sha256::new();
    for (name, template) in fields {
        let mut value = Written::new(left);
        let written = template.write(event, &mut value, Encoding::Plain, Encoding::Plain);
        written.or_else(|fmt::Error| too_long(std::slice::from_ref(name)))?;
        left -= value.len();
        let value = value.into_text();
        digest.update(format!("{}:{name}{}:", name.len(), value.len()));
        digest.update(&value);
        values.push((name, value));
    }
    let boundary = format!("inlet-{}", hex::encode(digest.finalize()));
    let mut body = Written::new(LONGEST);
    for (name, value) in values {
        let quoted = name.replace('"', "%22");
        let head = format_args!("--{boundary}\r\nContent-Disposition: form-data; name=\"{quoted}\"\r\n\r\n");
        let written = body.write_fmt(head).and_then(|()| body.write_str(&value)).and_then(|()| body.write_str("\r\n"));
        written.or_else(|fmt::Error| too_long(std::slice::from_ref(name)))?;
    }
    write!(body, "--{boundary}--\r\n").or_else(|fmt::Error| too_long(&[]))?;
    Ok((Some(format!("multipart/form-data; boundary={boundary}")), body.into_text().into_bytes()))
}
