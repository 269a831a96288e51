//! What a component imports and exports, for people and as JSON Schema.

use serde_json::{Value, json};
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Type};

/// Deeper types are cut: a component may nest them a thousand deep, and each
/// use of one is written out.
const DEPTH_MAX: u32 = 24;
/// Of one signature or schema as text.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Interfaces the sandbox has, in any 0.2 version.
const KNOWN: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

pub fn is_known(name: &str) -> bool {
    match name.split_once('@') {
        Some((interface, version)) => {
            version.starts_with("0.2.") && KNOWN.contains(&interface)
                || interface == "boxagnts:host/calls" && version.starts_with("0.1.")
        }
        None => false,
    }
}

fn capability(name: &str) -> Option<&'static str> {
    const NAMES: &[(&str, &str)] = &[
        ("wasi:filesystem/", "files"),
        ("wasi:sockets/", "sockets"),
        ("wasi:http/", "network"),
        ("wasi:cli/environment", "environment"),
        ("wasi:cli/stdin", "input"),
        ("wasi:cli/stdout", "output"),
        ("wasi:cli/stderr", "output"),
        ("wasi:clocks/", "clock"),
        ("wasi:random/", "random"),
        ("boxagnts:host/", "programs and tools"),
    ];
    NAMES
        .iter()
        .find(|(prefix, _)| name.starts_with(prefix))
        .map(|(_, capability)| *capability)
}

struct Writer {
    text: String,
}

impl Writer {
    fn list(&mut self, name: &str, depth: u32, types: impl Iterator<Item = Type>) {
        self.text.push_str(name);
        for (i, ty) in types.enumerate() {
            self.text.push_str(if i == 0 { "<" } else { ", " });
            self.put(&ty, depth);
        }
        self.text.push('>');
    }

    fn put(&mut self, ty: &Type, depth: u32) {
        if depth >= DEPTH_MAX || self.text.len() > TEXT_BYTES_MAX {
            self.text.push_str("...");
            return;
        }
        let depth = depth + 1;
        let simple = match ty {
            Type::Bool => "bool",
            Type::S8 => "s8",
            Type::U8 => "u8",
            Type::S16 => "s16",
            Type::U16 => "u16",
            Type::S32 => "s32",
            Type::U32 => "u32",
            Type::S64 => "s64",
            Type::U64 => "u64",
            Type::Float32 => "f32",
            Type::Float64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::Own(_) => "resource",
            Type::Borrow(_) => "borrow<resource>",
            Type::Future(_) => "future",
            Type::Stream(_) => "stream",
            Type::ErrorContext => "error-context",
            Type::Map(_) => "map",
            Type::List(list) => return self.list("list", depth, std::iter::once(list.ty())),
            Type::FixedLengthList(list) => {
                self.text.push_str("list<");
                self.put(&list.ty(), depth);
                self.text.push_str(&format!(", {}>", list.len()));
                return;
            }
            Type::Tuple(tuple) => return self.list("tuple", depth, tuple.types()),
            Type::Option(option) => {
                return self.list("option", depth, std::iter::once(option.ty()));
            }
            Type::Result(result) => {
                self.text.push_str("result");
                match (result.ok(), result.err()) {
                    (None, None) => {}
                    (ok, err) => {
                        self.text.push('<');
                        match ok {
                            Some(ty) => self.put(&ty, depth),
                            None => self.text.push('_'),
                        }
                        if let Some(ty) = err {
                            self.text.push_str(", ");
                            self.put(&ty, depth);
                        }
                        self.text.push('>');
                    }
                }
                return;
            }
            Type::Record(record) => {
                let fields = record.fields().map(|f| (f.name.to_owned(), Some(f.ty)));
                return self.cases("record", depth, fields.collect());
            }
            Type::Variant(variant) => {
                let cases = variant.cases().map(|c| (c.name.to_owned(), c.ty));
                return self.cases("variant", depth, cases.collect());
            }
            Type::Enum(names) => {
                let names = names.names().map(|n| (n.to_owned(), None));
                return self.cases("enum", depth, names.collect());
            }
            Type::Flags(names) => {
                let names = names.names().map(|n| (n.to_owned(), None));
                return self.cases("flags", depth, names.collect());
            }
        };
        self.text.push_str(simple);
    }

    fn cases(&mut self, name: &str, depth: u32, cases: Vec<(String, Option<Type>)>) {
        self.text.push_str(name);
        self.text.push_str(" { ");
        for (i, (case, ty)) in cases.into_iter().enumerate() {
            if i > 0 {
                self.text.push_str(", ");
            }
            self.text.push_str(&case);
            match ty {
                Some(ty) if name == "record" => {
                    self.text.push_str(": ");
                    self.put(&ty, depth);
                }
                Some(ty) => {
                    self.text.push('(');
                    self.put(&ty, depth);
                    self.text.push(')');
                }
                None => {}
            }
        }
        self.text.push_str(" }");
    }
}

pub fn type_text(ty: &Type) -> String {
    let mut writer = Writer {
        text: String::new(),
    };
    writer.put(ty, 0);
    writer.text
}

fn integer(min: i128, max: i128) -> Value {
    // Bounds past 2^53 mean nothing to readers that have doubles only.
    if max > 1 << 53 {
        return if min == 0 {
            json!({"type": "integer", "minimum": 0})
        } else {
            json!({"type": "integer"})
        };
    }
    json!({"type": "integer", "minimum": min as i64, "maximum": max as i64})
}

fn tagged(tag: &str, value: Option<Value>) -> Value {
    match value {
        None => json!({
            "type": "object",
            "required": ["tag"],
            "properties": {"tag": {"const": tag}},
            "additionalProperties": false,
        }),
        Some(value) => json!({
            "type": "object",
            "required": ["tag", "value"],
            "properties": {"tag": {"const": tag}, "value": value},
            "additionalProperties": false,
        }),
    }
}

fn keyed(key: &str, value: Option<Value>) -> Value {
    json!({
        "type": "object",
        "required": [key],
        "properties": {key: value.unwrap_or(json!({"type": "null"}))},
        "additionalProperties": false,
    })
}

/// An object of named values; options may be missing.
fn object(fields: &[(String, Type)], depth: u32) -> Option<Value> {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for (name, ty) in fields {
        properties.insert(name.clone(), schema(ty, depth)?);
        if !matches!(ty, Type::Option(_)) {
            required.push(name.clone());
        }
    }
    Some(json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    }))
}

/// JSON Schema of what json.rs reads; None when JSON cannot say the type.
fn schema(ty: &Type, depth: u32) -> Option<Value> {
    if depth >= DEPTH_MAX {
        return None;
    }
    let depth = depth + 1;
    Some(match ty {
        Type::Bool => json!({"type": "boolean"}),
        Type::S8 => integer(i8::MIN.into(), i8::MAX.into()),
        Type::U8 => integer(0, u8::MAX.into()),
        Type::S16 => integer(i16::MIN.into(), i16::MAX.into()),
        Type::U16 => integer(0, u16::MAX.into()),
        Type::S32 => integer(i32::MIN.into(), i32::MAX.into()),
        Type::U32 => integer(0, u32::MAX.into()),
        Type::S64 => integer(i64::MIN.into(), i64::MAX.into()),
        Type::U64 => integer(0, u64::MAX.into()),
        Type::Float32 | Type::Float64 => json!({"type": "number"}),
        Type::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
        Type::String => json!({"type": "string"}),
        Type::List(list) if list.ty() == Type::U8 => json!({"anyOf": [
            keyed("base64", Some(json!({"type": "string"}))),
            {"type": "array", "items": schema(&Type::U8, depth)?},
        ]}),
        Type::List(list) => json!({"type": "array", "items": schema(&list.ty(), depth)?}),
        Type::FixedLengthList(list) => json!({
            "type": "array",
            "items": schema(&list.ty(), depth)?,
            "minItems": list.len(),
            "maxItems": list.len(),
        }),
        Type::Record(record) => {
            let fields: Vec<_> = record
                .fields()
                .map(|field| (field.name.to_owned(), field.ty))
                .collect();
            object(&fields, depth)?
        }
        Type::Tuple(tuple) => {
            let items: Option<Vec<_>> = tuple.types().map(|ty| schema(&ty, depth)).collect();
            let items = items?;
            json!({
                "type": "array",
                "minItems": items.len(),
                "maxItems": items.len(),
                "prefixItems": items,
            })
        }
        Type::Variant(variant) => {
            let mut cases = Vec::new();
            for case in variant.cases() {
                let value = match case.ty {
                    Some(ty) => Some(schema(&ty, depth)?),
                    None => None,
                };
                cases.push(tagged(case.name, value));
            }
            json!({"oneOf": cases})
        }
        Type::Enum(names) => json!({"enum": names.names().collect::<Vec<_>>()}),
        Type::Option(option) => json!({"anyOf": [schema(&option.ty(), depth)?, {"type": "null"}]}),
        Type::Result(result) => {
            let half = |ty: Option<Type>| match ty {
                Some(ty) => schema(&ty, depth).map(Some),
                None => Some(None),
            };
            json!({"oneOf": [
                keyed("ok", half(result.ok())?),
                keyed("err", half(result.err())?),
            ]})
        }
        Type::Flags(names) => json!({
            "type": "array",
            "items": {"enum": names.names().collect::<Vec<_>>()},
            "uniqueItems": true,
        }),
        _ => return None,
    })
}

pub fn params_of(func: &ComponentFunc) -> Vec<(String, Type)> {
    func.params()
        .map(|(name, ty)| (name.to_owned(), ty))
        .collect()
}

fn signature(func: &ComponentFunc) -> String {
    let params: Vec<_> = func
        .params()
        .map(|(name, ty)| format!("{name}: {}", type_text(&ty)))
        .collect();
    let mut text = format!("func({})", params.join(", "));
    if let Some(ty) = func.results().next() {
        text.push_str(" -> ");
        text.push_str(&type_text(&ty));
    }
    text
}

/// An exported function, wherever it lies.
pub struct Export {
    pub instance: Option<String>,
    pub name: String,
    pub func: ComponentFunc,
}

impl Export {
    /// What --invoke calls it.
    pub fn path(&self) -> String {
        match &self.instance {
            Some(instance) => format!("{instance}#{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Not a resource's, and not the command's.
    fn is_plain(&self) -> bool {
        !self.name.starts_with('[')
            && !self
                .instance
                .as_deref()
                .is_some_and(|i| i.starts_with("wasi:cli/run@") || i.starts_with("wasi:http/"))
    }
}

/// Every function it exports that can be called by name.
pub fn exports(engine: &Engine, component: &Component) -> Vec<Export> {
    let mut list = Vec::new();
    for (name, item) in component.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(func) => list.push(Export {
                instance: None,
                name: name.to_owned(),
                func,
            }),
            ComponentItem::ComponentInstance(instance) => {
                for (inner, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(func) = item.ty {
                        list.push(Export {
                            instance: Some(name.to_owned()),
                            name: inner.to_owned(),
                            func,
                        });
                    }
                }
            }
            _ => {}
        }
    }
    list.retain(Export::is_plain);
    list
}

/// The interface of wasi:cli/run it exports, of any 0.2 version.
pub fn command(engine: &Engine, component: &Component) -> Option<String> {
    component
        .component_type()
        .exports(engine)
        .map(|(name, _)| name.to_owned())
        .find(|name| name.starts_with("wasi:cli/run@0.2."))
}

fn item_json(engine: &Engine, name: &str, item: ComponentItem) -> Value {
    match item {
        ComponentItem::ComponentFunc(func) => {
            json!({"name": name, "kind": "function", "signature": signature(&func)})
        }
        ComponentItem::ComponentInstance(instance) => {
            let functions: Vec<_> = instance
                .exports(engine)
                .filter_map(|(inner, item)| match item.ty {
                    ComponentItem::ComponentFunc(func) => {
                        Some(json!({"name": inner, "signature": signature(&func)}))
                    }
                    _ => None,
                })
                .collect();
            json!({"name": name, "kind": "interface", "functions": functions})
        }
        ComponentItem::Type(ty) => {
            json!({"name": name, "kind": "type", "signature": type_text(&ty)})
        }
        ComponentItem::Resource(_) => json!({"name": name, "kind": "resource"}),
        _ => json!({"name": name, "kind": "module"}),
    }
}

fn function_json(export: &Export) -> Value {
    let params = params_of(&export.func);
    let results: Vec<_> = export.func.results().map(|ty| type_text(&ty)).collect();
    let mut json = json!({
        "name": export.name,
        "path": export.path(),
        "params": params.iter()
            .map(|(name, ty)| json!({"name": name, "type": type_text(ty)}))
            .collect::<Vec<_>>(),
        "result": results.first(),
        "signature": signature(&export.func),
        // null: JSON cannot say a parameter.
        "schema": object(&params, 0),
    });
    if let Some(instance) = &export.instance {
        json["instance"] = json!(instance);
    }
    json
}

pub fn inspect(engine: &Engine, component: &Component) -> Value {
    let ty = component.component_type();
    let mut capabilities: Vec<&str> = Vec::new();
    let mut imports = Vec::new();
    for (name, item) in ty.imports(engine) {
        let mut json = item_json(engine, name, item.ty);
        json["is_known"] = json!(is_known(name));
        imports.push(json);
        if let Some(capability) = capability(name)
            && !capabilities.contains(&capability)
        {
            capabilities.push(capability);
        }
    }
    let exported: Vec<_> = ty
        .exports(engine)
        .map(|(name, item)| item_json(engine, name, item.ty))
        .collect();
    let functions: Vec<_> = exports(engine, component)
        .iter()
        .map(function_json)
        .collect();
    json!({
        "kind": "component",
        "is_command": command(engine, component).is_some(),
        "capabilities": capabilities,
        "imports": imports,
        "exports": exported,
        "functions": functions,
    })
}
