//! `tool`: the box's tools as commands.

use bashkit::{Builtin, BuiltinContext, ExecResult, Result, async_trait};
use boxagnts_guest::call;
use serde_json::{Map, Value};

const USAGE: &str = "\
usage: tool NAME [JSON | KEY=VALUE...]   call a tool; JSON may come on stdin as -
       tool --list                       the tools there are
";

pub struct Tool;

#[async_trait]
impl Builtin for Tool {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        Ok(match ctx.args {
            [flag] if flag == "--list" || flag == "-l" => list(),
            [flag] if flag == "--help" || flag == "-h" => ExecResult::ok(USAGE),
            [] => ExecResult::err(USAGE, 2),
            [name, input @ ..] => match parse(input, ctx.stdin_bytes().unwrap_or_default()) {
                Ok(input) => run(name, &input),
                Err(message) => ExecResult::err(format!("tool: {name}: {message}\n"), 2),
            },
        })
    }
}

fn list() -> ExecResult {
    let tools = match call::tools() {
        Ok(tools) => tools,
        Err(error) => return ExecResult::err(format!("tool: {}\n", error.reason()), 126),
    };
    let line = |tool: &Value| {
        let description = tool["description"].as_str().unwrap_or_default();
        let first = description.lines().next().unwrap_or_default();
        Some(format!("{}\t{first}\n", tool["name"].as_str()?))
    };
    ExecResult::ok(
        tools
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(line)
            .collect::<String>(),
    )
}

/// `{...}`, `-`, or words as fields: numbers, true, false, null, arrays and
/// objects when they read as such, text otherwise.
fn parse(words: &[String], stdin: &[u8]) -> std::result::Result<String, String> {
    match words {
        [] => return Ok("{}".to_owned()),
        [word] if word == "-" => {
            let value: Value = serde_json::from_slice(stdin)
                .map_err(|error| format!("stdin is no JSON: {error}"))?;
            return Ok(value.to_string());
        }
        [word] if word.trim_start().starts_with('{') => {
            let value: Value = serde_json::from_str(word)
                .map_err(|error| format!("the input is no JSON: {error}"))?;
            return Ok(value.to_string());
        }
        _ => {}
    }
    let mut fields = Map::new();
    for word in words {
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| format!("'{word}': expected JSON or KEY=VALUE"))?;
        let parsed = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        fields.insert(key.to_owned(), parsed);
    }
    Ok(Value::Object(fields).to_string())
}

fn run(name: &str, input: &str) -> ExecResult {
    let result = match call::tool(name, input) {
        Ok(result) => result,
        Err(error) => {
            let code = if error.errno == boxagnts_guest::error::ENOENT {
                127
            } else {
                126
            };
            return ExecResult::err(format!("tool: {name}: {}\n", error.reason()), code);
        }
    };
    let mut text = content(&result["content"]);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    match result["is_error"].as_bool().unwrap_or(false) {
        true => ExecResult::err(text, 1),
        false => ExecResult::ok(text),
    }
}

/// Text as it is; other blocks as their JSON.
fn content(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let block = |block: &Value| match block["text"].as_str() {
                Some(text) => text.to_owned(),
                None => block.to_string(),
            };
            blocks.iter().map(block).collect::<Vec<_>>().join("\n")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
