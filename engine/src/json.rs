//! JSON to component values and back. The JSON comes from a model, the types
//! and results from a guest: an error names the place and what was expected.

use std::fmt::Write as _;

use serde_json::Value;
use wasmtime::component::{Type, Val};

/// Of a result as text; a list of bytes alone may be larger than the guest.
const RESULT_BYTES_MAX: usize = 64 << 20;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub type Parse<T> = Result<T, String>;

fn kind(value: &Value) -> String {
    let mut text = match value {
        Value::Null => return "null".into(),
        Value::Array(list) => return format!("an array of {}", list.len()),
        Value::Object(_) => return "an object".into(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(value) => format!("the number {value}"),
        Value::String(value) => format!("the string {value:?}"),
    };
    if text.len() > 80 {
        let end = (0..=80)
            .rev()
            .find(|i| text.is_char_boundary(*i))
            .unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}

fn wrong<T>(at: &str, expected: &str, value: &Value) -> Parse<T> {
    let at = if at.is_empty() { "/" } else { at };
    Err(format!("{at}: expected {expected}, got {}", kind(value)))
}

/// An integer, or a string that holds one: JSON of JavaScript ends at 2^53.
fn integer(value: &Value, at: &str, min: i128, max: i128) -> Parse<i128> {
    let number = match value {
        Value::Number(n) => n
            .as_i64()
            .map(i128::from)
            .or_else(|| n.as_u64().map(i128::from))
            .or_else(|| {
                n.as_f64()
                    .filter(|f| f.fract() == 0.0 && f.abs() < 9_007_199_254_740_992.0)
                    .map(|f| f as i128)
            }),
        Value::String(text) if text.len() <= 24 => text.parse().ok(),
        _ => None,
    };
    match number.filter(|n| (min..=max).contains(n)) {
        Some(number) => Ok(number),
        None => wrong(at, &format!("an integer from {min} to {max}"), value),
    }
}

fn float(value: &Value, at: &str) -> Parse<f64> {
    match value {
        Value::Number(n) => n.as_f64().map_or_else(|| wrong(at, "a number", value), Ok),
        Value::String(text) => match text.as_str() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => wrong(
                at,
                "a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
                value,
            ),
        },
        _ => wrong(at, "a number", value),
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let mut bits = 0u32;
    let mut count = 0;
    for byte in text.bytes() {
        let digit = BASE64.iter().position(|b| *b == byte)? as u32;
        bits = bits << 6 | digit;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    (text.len() % 4 != 1 && bits & ((1 << count) - 1) == 0).then_some(bytes)
}

fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    decode_base64(map.get("base64")?.as_str()?)
}

/// One case of a variant: {"tag": NAME, "value": ...}, or NAME alone where the
/// case has no value.
fn variant(ty: &wasmtime::component::types::Variant, value: &Value, at: &str) -> Parse<Val> {
    let (tag, payload) = match value {
        Value::String(tag) => (tag.as_str(), None),
        Value::Object(map) if map.keys().all(|key| key == "tag" || key == "value") => {
            match map.get("tag") {
                Some(Value::String(tag)) => (tag.as_str(), map.get("value")),
                _ => return wrong(at, "{\"tag\": ..., \"value\": ...}", value),
            }
        }
        _ => return wrong(at, "{\"tag\": ..., \"value\": ...}", value),
    };
    let Some(case) = ty.cases().find(|case| case.name == tag) else {
        let names: Vec<_> = ty.cases().map(|case| case.name.to_owned()).collect();
        return wrong(at, &format!("a tag of {}", names.join(", ")), value);
    };
    let payload = match (case.ty, payload) {
        (None, None | Some(Value::Null)) => None,
        (None, Some(_)) => return wrong(at, &format!("no value with tag '{tag}'"), value),
        (Some(ty), Some(payload)) => Some(Box::new(parse(&ty, payload, &format!("{at}/value"))?)),
        (Some(ty), None) => {
            return wrong(
                at,
                &format!(
                    "a value of {} with tag '{tag}'",
                    crate::world::type_text(&ty)
                ),
                value,
            );
        }
    };
    Ok(Val::Variant(tag.to_owned(), payload))
}

fn record(ty: &wasmtime::component::types::Record, value: &Value, at: &str) -> Parse<Val> {
    let Value::Object(map) = value else {
        return wrong(at, "an object", value);
    };
    let fields: Vec<_> = ty
        .fields()
        .map(|field| (field.name.to_owned(), field.ty))
        .collect();
    fields_of(&fields, map, at).map(Val::Record)
}

/// Fields by name. An option may be missing; what is no field is an error.
pub fn fields_of(
    fields: &[(String, Type)],
    map: &serde_json::Map<String, Value>,
    at: &str,
) -> Parse<Vec<(String, Val)>> {
    for key in map.keys() {
        if !fields.iter().any(|(name, _)| name == key) {
            let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
            let known = if names.is_empty() {
                "none".into()
            } else {
                names.join(", ")
            };
            return Err(format!(
                "{at}/{}: no such name; expected {known}",
                escape(key)
            ));
        }
    }
    fields
        .iter()
        .map(|(name, ty)| {
            let value = match (map.get(name), ty) {
                (Some(value), _) => parse(ty, value, &format!("{at}/{}", escape(name)))?,
                (None, Type::Option(_)) => Val::Option(None),
                (None, ty) => {
                    return Err(format!(
                        "{at}/{}: missing; expected {}",
                        escape(name),
                        crate::world::type_text(ty)
                    ));
                }
            };
            Ok((name.clone(), value))
        })
        .collect()
}

fn result(ty: &wasmtime::component::types::ResultType, value: &Value, at: &str) -> Parse<Val> {
    let one = value.as_object().filter(|map| map.len() == 1);
    let Some((key, inner)) = one.and_then(|map| map.iter().next()) else {
        return wrong(at, "{\"ok\": ...} or {\"err\": ...}", value);
    };
    let half = |ty: Option<Type>| match ty {
        Some(ty) => Ok(Some(Box::new(parse(&ty, inner, &format!("{at}/{key}"))?))),
        None if inner.is_null() => Ok(None),
        None => wrong(&format!("{at}/{key}"), "null", inner),
    };
    match key.as_str() {
        "ok" => Ok(Val::Result(Ok(half(ty.ok())?))),
        "err" => Ok(Val::Result(Err(half(ty.err())?))),
        _ => wrong(at, "{\"ok\": ...} or {\"err\": ...}", value),
    }
}

fn list(ty: &Type, value: &Value, at: &str) -> Parse<Vec<Val>> {
    if *ty == Type::U8
        && let Some(bytes) = bytes_of(value)
    {
        return Ok(bytes.into_iter().map(Val::U8).collect());
    }
    let Value::Array(items) = value else {
        let expected = if *ty == Type::U8 {
            "an array of bytes or {\"base64\": ...}"
        } else {
            "an array"
        };
        return wrong(at, expected, value);
    };
    items
        .iter()
        .enumerate()
        .map(|(i, item)| parse(ty, item, &format!("{at}/{i}")))
        .collect()
}

pub fn parse(ty: &Type, value: &Value, at: &str) -> Parse<Val> {
    Ok(match ty {
        Type::Bool => match value {
            Value::Bool(value) => Val::Bool(*value),
            _ => return wrong(at, "true or false", value),
        },
        Type::S8 => Val::S8(integer(value, at, i8::MIN.into(), i8::MAX.into())? as i8),
        Type::U8 => Val::U8(integer(value, at, 0, u8::MAX.into())? as u8),
        Type::S16 => Val::S16(integer(value, at, i16::MIN.into(), i16::MAX.into())? as i16),
        Type::U16 => Val::U16(integer(value, at, 0, u16::MAX.into())? as u16),
        Type::S32 => Val::S32(integer(value, at, i32::MIN.into(), i32::MAX.into())? as i32),
        Type::U32 => Val::U32(integer(value, at, 0, u32::MAX.into())? as u32),
        Type::S64 => Val::S64(integer(value, at, i64::MIN.into(), i64::MAX.into())? as i64),
        Type::U64 => Val::U64(integer(value, at, 0, u64::MAX.into())? as u64),
        Type::Float32 => Val::Float32(float(value, at)? as f32),
        Type::Float64 => Val::Float64(float(value, at)?),
        Type::Char => match value.as_str().map(|text| text.chars()) {
            Some(mut chars) => match (chars.next(), chars.next()) {
                (Some(one), None) => Val::Char(one),
                _ => return wrong(at, "a string of one character", value),
            },
            None => return wrong(at, "a string of one character", value),
        },
        Type::String => match value {
            Value::String(text) => Val::String(text.clone()),
            _ => return wrong(at, "a string", value),
        },
        Type::List(ty) => Val::List(list(&ty.ty(), value, at)?),
        Type::FixedLengthList(ty) => {
            let items = list(&ty.ty(), value, at)?;
            if items.len() != ty.len() as usize {
                return wrong(at, &format!("an array of {}", ty.len()), value);
            }
            Val::FixedLengthList(items)
        }
        Type::Record(ty) => record(ty, value, at)?,
        Type::Tuple(ty) => match value {
            Value::Array(items) if items.len() == ty.types().len() => Val::Tuple(
                ty.types()
                    .zip(items)
                    .enumerate()
                    .map(|(i, (ty, item))| parse(&ty, item, &format!("{at}/{i}")))
                    .collect::<Parse<_>>()?,
            ),
            _ => return wrong(at, &format!("an array of {}", ty.types().len()), value),
        },
        Type::Variant(ty) => variant(ty, value, at)?,
        Type::Enum(ty) => match value.as_str().filter(|v| ty.names().any(|n| n == *v)) {
            Some(name) => Val::Enum(name.to_owned()),
            None => {
                let names: Vec<_> = ty.names().collect();
                return wrong(at, &format!("one of {}", names.join(", ")), value);
            }
        },
        Type::Option(ty) => match value {
            Value::Null => Val::Option(None),
            value => Val::Option(Some(Box::new(parse(&ty.ty(), value, at)?))),
        },
        Type::Result(ty) => result(ty, value, at)?,
        Type::Flags(ty) => {
            let Value::Array(items) = value else {
                return wrong(at, "an array of names", value);
            };
            let mut names = Vec::new();
            for (i, item) in items.iter().enumerate() {
                match item.as_str().filter(|v| ty.names().any(|n| n == *v)) {
                    Some(name) => names.push(name.to_owned()),
                    None => {
                        let known: Vec<_> = ty.names().collect();
                        let expected = format!("one of {}", known.join(", "));
                        return wrong(&format!("{at}/{i}"), &expected, item);
                    }
                }
            }
            Val::Flags(names)
        }
        Type::Own(_) | Type::Borrow(_) => {
            return Err(format!(
                "{at}: a resource; values of resources cannot be written as JSON"
            ));
        }
        other => {
            return Err(format!(
                "{at}: {} cannot be written as JSON",
                crate::world::type_text(other)
            ));
        }
    })
}

fn put_base64(text: &mut String, items: &[Val]) {
    let byte = |val: Option<&Val>| match val {
        Some(Val::U8(byte)) => u32::from(*byte),
        _ => 0,
    };
    text.push_str("{\"base64\":\"");
    for three in items.chunks(3) {
        let bits = byte(three.first()) << 16 | byte(three.get(1)) << 8 | byte(three.get(2));
        for i in 0..4 {
            if i <= three.len() {
                text.push(BASE64[(bits >> (18 - 6 * i) & 63) as usize] as char);
            } else {
                text.push('=');
            }
        }
    }
    text.push_str("\"}");
}

fn put_string(text: &mut String, value: &str) {
    // serde_json does not fail on a str.
    text.push_str(&serde_json::to_string(value).unwrap_or_default());
}

fn put_float(text: &mut String, value: f64, shortest: String) {
    match value {
        value if value.is_nan() => text.push_str("\"NaN\""),
        f64::INFINITY => text.push_str("\"Infinity\""),
        f64::NEG_INFINITY => text.push_str("\"-Infinity\""),
        _ => text.push_str(&shortest),
    }
}

fn put_wide(text: &mut String, value: i128) {
    // Beyond 2^53 many readers of JSON would round it.
    if value.unsigned_abs() > 1 << 53 {
        let _ = write!(text, "\"{value}\"");
    } else {
        let _ = write!(text, "{value}");
    }
}

fn put_items<'a>(text: &mut String, items: impl Iterator<Item = (Type, &'a Val)>) -> Parse<()> {
    text.push('[');
    for (i, (ty, item)) in items.enumerate() {
        if i > 0 {
            text.push(',');
        }
        format(text, &ty, item)?;
    }
    text.push(']');
    Ok(())
}

fn put_half(text: &mut String, name: &str, ty: Option<Type>, value: Option<&Val>) -> Parse<()> {
    let _ = write!(text, "{{\"{name}\":");
    match (ty, value) {
        (Some(ty), Some(value)) => format(text, &ty, value)?,
        _ => text.push_str("null"),
    }
    text.push('}');
    Ok(())
}

fn put_record(
    text: &mut String,
    ty: &wasmtime::component::types::Record,
    fields: &[(String, Val)],
) -> Parse<()> {
    text.push('{');
    for (i, (field, (name, value))) in ty.fields().zip(fields).enumerate() {
        if i > 0 {
            text.push(',');
        }
        put_string(text, name);
        text.push(':');
        format(text, &field.ty, value)?;
    }
    text.push('}');
    Ok(())
}

fn put_variant(
    text: &mut String,
    ty: &wasmtime::component::types::Variant,
    tag: &str,
    value: Option<&Val>,
) -> Parse<()> {
    let payload = ty.cases().find(|case| case.name == tag).and_then(|c| c.ty);
    text.push_str("{\"tag\":");
    put_string(text, tag);
    if let (Some(ty), Some(value)) = (payload, value) {
        text.push_str(",\"value\":");
        format(text, &ty, value)?;
    }
    text.push('}');
    Ok(())
}

/// Append a value of that type as JSON.
pub fn format(text: &mut String, ty: &Type, value: &Val) -> Parse<()> {
    if text.len() > RESULT_BYTES_MAX {
        return Err(format!(
            "the result is past {RESULT_BYTES_MAX} bytes of JSON"
        ));
    }
    match (ty, value) {
        (_, Val::Bool(value)) => drop(write!(text, "{value}")),
        (_, Val::S8(value)) => drop(write!(text, "{value}")),
        (_, Val::U8(value)) => drop(write!(text, "{value}")),
        (_, Val::S16(value)) => drop(write!(text, "{value}")),
        (_, Val::U16(value)) => drop(write!(text, "{value}")),
        (_, Val::S32(value)) => drop(write!(text, "{value}")),
        (_, Val::U32(value)) => drop(write!(text, "{value}")),
        (_, Val::S64(value)) => put_wide(text, (*value).into()),
        (_, Val::U64(value)) => put_wide(text, (*value).into()),
        (_, Val::Float32(value)) => put_float(text, (*value).into(), format!("{value:?}")),
        (_, Val::Float64(value)) => put_float(text, *value, format!("{value:?}")),
        (_, Val::Char(value)) => put_string(text, value.encode_utf8(&mut [0; 4])),
        (_, Val::String(value)) => put_string(text, value),
        (Type::List(ty), Val::List(items)) if ty.ty() == Type::U8 => put_base64(text, items),
        (Type::List(ty), Val::List(items)) => {
            put_items(text, items.iter().map(|item| (ty.ty(), item)))?
        }
        (Type::FixedLengthList(ty), Val::FixedLengthList(items)) => {
            put_items(text, items.iter().map(|item| (ty.ty(), item)))?
        }
        (Type::Tuple(ty), Val::Tuple(items)) => put_items(text, ty.types().zip(items))?,
        (Type::Record(ty), Val::Record(fields)) => put_record(text, ty, fields)?,
        (Type::Variant(ty), Val::Variant(tag, value)) => {
            put_variant(text, ty, tag, value.as_deref())?
        }
        (_, Val::Enum(name)) => put_string(text, name),
        (_, Val::Option(None)) => text.push_str("null"),
        (Type::Option(ty), Val::Option(Some(value))) => format(text, &ty.ty(), value)?,
        (Type::Result(ty), Val::Result(Ok(value))) => {
            put_half(text, "ok", ty.ok(), value.as_deref())?
        }
        (Type::Result(ty), Val::Result(Err(value))) => {
            put_half(text, "err", ty.err(), value.as_deref())?
        }
        (_, Val::Flags(names)) => {
            text.push('[');
            for (i, name) in names.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                put_string(text, name);
            }
            text.push(']');
        }
        _ => return Err("the result holds a resource, which JSON cannot say".into()),
    }
    Ok(())
}
