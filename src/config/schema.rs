//! The shape of the file as JSON Schema (draft 2020-12), for editors.
//!
//! **Reads** the table in `shape`.
//! **Gives** [`schema`].
//! **Never** knows a key that is not in the table.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::limit::Kind;
use super::limit::Limit;
use super::shape;
use super::shape::Key;
use super::shape::Shape;

/// What an editor has to know of `config.yml`.
pub fn schema() -> Value {
    let mut schema = keys(shape::FILE);
    if let Some(schema) = schema.as_object_mut() {
        let draft = "https://json-schema.org/draft/2020-12/schema";
        schema.insert("$schema".to_owned(), draft.into());
        schema.insert("title".to_owned(), "config.yml of AI-Ops".into());
    }
    schema
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({"type": ["string", "number", "boolean"]}),
        Shape::Truth => json!({"type": "boolean"}),
        Shape::Port => json!({"type": "integer", "minimum": 1, "maximum": 65535}),
        Shape::Number(limit) => number(limit),
        Shape::Duration => json!({"type": ["integer", "string"], "minimum": 1, "pattern": TIME}),
        Shape::Word(words) => json!({"enum": words}),
        Shape::List(item) => json!({"type": "array", "items": of(item)}),
        Shape::Named(each) => json!({"type": "object", "additionalProperties": of(each)}),
        Shape::Keys(known) => keys(known),
        Shape::PatternOr(more) | Shape::CommandOr(more) => {
            json!({"anyOf": [{"type": "string"}, of(more)]})
        }
    }
}

/// A bare number keeps to the range; one with a unit only to the spelling, since a schema cannot
/// reckon with units.
fn number(limit: &Limit) -> Value {
    json!({
        "type": ["integer", "string"],
        "minimum": limit.least,
        "maximum": limit.most,
        "pattern": match limit.kind {
            Kind::Time => TIME,
            Kind::Size => SIZE,
        },
    })
}

fn keys(known: &[Key]) -> Value {
    let mut properties = Map::new();
    let mut demanded = Vec::new();
    for key in known {
        for name in std::iter::once(&key.name).chain(key.also) {
            properties.insert((*name).to_owned(), described(key));
        }
        if key.needed && key.also.is_empty() {
            demanded.push(json!({"required": [key.name]}));
        } else if key.needed {
            let one_of: Vec<Value> = std::iter::once(&key.name)
                .chain(key.also)
                .map(|name| json!({"required": [name]}))
                .collect();
            demanded.push(json!({"oneOf": one_of}));
        }
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if let Some(schema) = schema.as_object_mut()
        && !demanded.is_empty()
    {
        schema.insert("allOf".to_owned(), demanded.into());
    }
    schema
}

fn described(key: &Key) -> Value {
    let mut schema = of(&key.shape);
    if key.empty {
        or_nothing(&mut schema);
    }
    let mut about = key.about.to_owned();
    let mut default = key.default.map(str::to_owned);
    if let Shape::Number(limit) = key.shape {
        let (least, most) = (limit.shown(limit.least), limit.shown(limit.most));
        about.push_str(&format!(" Between {least} and {most}."));
        default = limit.default.map(|number| limit.shown(number));
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), about.into());
        if let Some(default) = default {
            // A number or a truth value is shown as one.
            let value = serde_json::from_str(&default).unwrap_or(Value::String(default));
            schema.insert("default".to_owned(), value);
        }
    }
    schema
}

/// Lets nothing at all stand there too: `forbidden:` and no list behind it.
fn or_nothing(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    if let Some(one) = schema.get_mut("type").filter(|one| one.is_string()) {
        *one = json!([one]);
    }
    for (list, nothing) in [
        ("type", json!("null")),
        ("enum", Value::Null),
        ("anyOf", json!({"type": "null"})),
    ] {
        if let Some(list) = schema.get_mut(list).and_then(Value::as_array_mut) {
            list.push(nothing);
        }
    }
}

/// A duration as [`super::Quantity`] reads it.
const TIME: &str = r"^[0-9]+\s*(ms|s|m|min|h|d)?$";

/// A size or a count as [`super::Quantity`] reads it.
const SIZE: &str = r"^[0-9]+\s*(B|KiB|MiB|GiB)?$";
