//! The tool: a JSON object on stdin, the result as one JSON object on stdout.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::shell::{self, Script, Setting};

const KEYS: [&str; 5] = ["command", "stdin", "cwd", "env", "timeout_ms"];

pub fn read() -> std::io::Result<Vec<u8>> {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    Ok(input)
}

/// Whether it begins as a JSON object does and no script: in bash a `{` that
/// opens a group is followed by a blank and a command, never by a quote.
pub fn is_input(input: &[u8]) -> bool {
    let mut bytes = input.iter().filter(|byte| !byte.is_ascii_whitespace());
    bytes.next() == Some(&b'{') && matches!(bytes.next(), Some(b'"' | b'}'))
}

pub fn run(input: &[u8]) -> i32 {
    let (setting, command, stdin) = match parse(input) {
        Ok(request) => request,
        Err(message) => return answer(&json!({ "content": message, "is_error": true })),
    };
    let (stdout, stderr) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let script = Script {
        text: &command,
        arg0: "bash".to_owned(),
        positional: Vec::new(),
        stdin,
    };
    let ended = shell::run(&setting, script, collect(&stdout), collect(&stderr));

    let (stdout, stderr) = (text(stdout), text(stderr));
    let mut metadata = json!({ "exit_code": ended.exit_code, "cwd": ended.cwd });
    if ended.timed_out {
        metadata["timed_out"] = json!(true);
    }
    answer(&json!({
        "content": content(stdout, &stderr, ended.exit_code),
        "is_error": ended.exit_code != 0,
        "metadata": metadata,
    }))
}

fn collect(into: &Mutex<Vec<u8>>) -> shell::Sink<'_> {
    Box::new(move |bytes| {
        into.lock().expect("one thread").extend_from_slice(bytes);
        Ok(())
    })
}

fn text(bytes: Mutex<Vec<u8>>) -> String {
    let bytes = bytes.into_inner().expect("one thread");
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// What a model reads: stdout as it is, then what else there was, marked.
fn content(stdout: String, stderr: &str, exit_code: i32) -> String {
    let mut content = stdout;
    let mut section = |text: &str| {
        if !content.is_empty() && !content.ends_with('\n') {
            content.push('\n');
        }
        content.push_str(text);
    };
    if !stderr.is_empty() {
        section("[stderr]\n");
        section(stderr);
    }
    if exit_code != 0 {
        section(&format!("[exit code {exit_code}]"));
    }
    content
}

fn answer(result: &Value) -> i32 {
    let mut text = result.to_string();
    text.push('\n');
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

type Request = (Setting, String, Option<Vec<u8>>);

fn parse(input: &[u8]) -> Result<Request, String> {
    let input: Value = serde_json::from_slice(input)
        .map_err(|error| format!("input: {error}; expected {{\"command\": \"...\"}}"))?;
    let Value::Object(fields) = input else {
        return Err("input: expected an object with \"command\"".to_owned());
    };
    if let Some(key) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!(
            "input: unknown key '{key}'; there are {}",
            KEYS.join(", ")
        ));
    }
    let command = string(&fields, "command")?
        .ok_or("input: \"command\" is missing; give the script to run")?;
    // A tool's input has been read; a script that reads gets nothing more.
    let stdin = string(&fields, "stdin")?.unwrap_or_default().into_bytes();

    let mut setting = Setting::of_run();
    if let Some(cwd) = string(&fields, "cwd")? {
        let cwd = match cwd.starts_with('/') {
            true => cwd,
            false => format!("{}/{cwd}", setting.cwd.trim_end_matches('/')),
        };
        if !shell::is_folder(&cwd) {
            return Err(format!("cwd '{cwd}': no such folder"));
        }
        setting.cwd = cwd;
    }
    match fields.get("env") {
        None | Some(Value::Null) => {}
        Some(Value::Object(env)) => {
            for (name, value) in env {
                let value = value.as_str().filter(|value| !value.contains('\0'));
                let (true, Some(value)) = (shell::is_name(name), value) else {
                    return Err(format!(
                        "env '{name}': expected a variable's name and a string"
                    ));
                };
                setting.env.insert(name.clone(), value.to_owned());
            }
        }
        Some(_) => return Err("env: expected an object of strings".to_owned()),
    }
    match fields.get("timeout_ms") {
        None | Some(Value::Null) => {}
        Some(value) => {
            let timeout_ms = value.as_u64().filter(|&timeout_ms| timeout_ms > 0);
            let timeout_ms = timeout_ms.ok_or("timeout_ms: expected a whole number from 1")?;
            setting.timeout = Some(Duration::from_millis(timeout_ms));
        }
    }
    Ok((setting, command, Some(stdin)))
}

fn string(fields: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{key}: expected a string")),
    }
}
