//! The call: a JSON object on stdin, one JSON object on stdout.

use std::fmt::Write as _;
use std::io::{Read, Write};

use serde_json::{Map, Value, json};

const INPUT_MAX_BYTES: u64 = 64 << 20;

/// Why a call failed, in words for a model: which thing, what was expected,
/// what to do next.
pub struct Failure(pub String);

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Failure(text)
    }
}

#[macro_export]
macro_rules! fail {
    ($($arg:tt)*) => { return Err($crate::call::Failure(format!($($arg)*))) };
}

pub struct Answer {
    pub text: String,
    pub metadata: Value,
}

pub struct Input(Map<String, Value>);

impl Input {
    fn read() -> Result<Input, Failure> {
        let mut data = Vec::new();
        std::io::stdin()
            .lock()
            .take(INPUT_MAX_BYTES + 1)
            .read_to_end(&mut data)
            .map_err(|e| Failure(format!("the input cannot be read: {e}")))?;
        if data.len() as u64 > INPUT_MAX_BYTES {
            fail!("the input is larger than {} MiB", INPUT_MAX_BYTES >> 20);
        }
        if data.is_empty() {
            return Ok(Input(Map::new()));
        }
        match serde_json::from_slice(&data) {
            Ok(Value::Object(map)) => Ok(Input(map)),
            Ok(other) => fail!(
                "the input is {}; expected an object with the properties of input_schema",
                kind(&other)
            ),
            Err(e) => fail!("the input is not JSON: {e}"),
        }
    }

    /// An object of its own, such as one of several edits.
    pub fn from_value(value: &Value, name: &str) -> Result<Input, Failure> {
        match value {
            Value::Object(map) => Ok(Input(map.clone())),
            other => fail!("{name} is {}; expected an object", kind(other)),
        }
    }

    /// None: missing or null.
    pub fn find(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|v| !v.is_null())
    }

    pub fn find_text(&self, name: &str) -> Result<Option<&str>, Failure> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => fail!("'{name}' is {}; expected a string", kind(other)),
        }
    }

    pub fn text(&self, name: &str) -> Result<&str, Failure> {
        match self.find_text(name)? {
            Some(text) => Ok(text),
            None => fail!("'{name}' is missing; expected a string"),
        }
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => fail!("'{name}' is {}; expected true or false", kind(other)),
        }
    }

    /// A whole number; models also write 10.0 and "10".
    pub fn number(&self, name: &str, min: u64, max: u64) -> Result<Option<u64>, Failure> {
        let Some(value) = self.find(name) else {
            return Ok(None);
        };
        let number = match value {
            Value::Number(n) => n.as_u64().or_else(|| {
                n.as_f64()
                    .filter(|f| f.fract() == 0.0 && (0.0..9e15).contains(f))
                    .map(|f| f as u64)
            }),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(n) if (min..=max).contains(&n) => Ok(Some(n)),
            _ => fail!(
                "'{name}' is {}; expected a whole number from {min} to {max}",
                if value.is_number() {
                    value.to_string()
                } else {
                    kind(value).to_string()
                }
            ),
        }
    }
}

pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Run a tool: read the input, call it, send what it answers.
pub fn answer(tool: fn(&Input) -> Result<Answer, Failure>) {
    let value = match Input::read().and_then(|input| tool(&input)) {
        Ok(answer) => {
            json!({"content": answer.text, "is_error": false, "metadata": answer.metadata})
        }
        Err(Failure(text)) => json!({"content": text, "is_error": true}),
    };
    let data = serde_json::to_vec(&value).expect("a value with text keys is JSON");
    // Nobody is left to tell when stdout fails.
    let mut out = std::io::stdout().lock();
    if out.write_all(&data).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

/// "1 file", "2 files".
pub fn count(number: usize, noun: &str) -> String {
    let mut text = format!("{number} {noun}");
    if number != 1 {
        let _ = write!(text, "s");
    }
    text
}
