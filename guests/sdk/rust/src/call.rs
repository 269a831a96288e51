//! Other programs of the box, and tools by name. Both get what this guest has
//! or less, and share its time, fuel, memory and output.

use serde_json::{Value, json};

use crate::error::{EIO, Error};
use crate::raw;

const STDOUT: u32 = 1;
const STDERR: u32 = 2;

#[derive(Clone, Debug, Default)]
pub struct Program {
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    /// An absolute path of the box; None is where the host starts programs.
    pub cwd: Option<String>,
    /// It is ended when this has passed, with the status "timeout".
    pub timeout_ms: Option<u64>,
}

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Finished {
    pub exit_code: i32,
    /// "ok", or what ended it: "timeout", "trap", ...
    pub status: String,
    pub message: String,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Program {
    /// Run it with `stdin` and wait.
    pub fn run(&self, stdin: &[u8]) -> Result<Finished, Error> {
        let env: Vec<Value> = self
            .env
            .iter()
            .map(|(name, value)| json!([name, value]))
            .collect();
        let mut request = json!({ "argv": self.argv, "env": env });
        if let Some(cwd) = &self.cwd {
            request["cwd"] = json!(cwd);
        }
        if let Some(timeout_ms) = self.timeout_ms {
            request["timeout_ms"] = json!(timeout_ms.max(1));
        }
        let request = request.to_string();
        let call = Call::begin(|handle| unsafe {
            raw::spawn(
                request.as_ptr(),
                request.len(),
                stdin.as_ptr(),
                stdin.len(),
                handle,
            )
        })?;
        let head = call.head()?;
        Ok(Finished {
            exit_code: head["exit_code"]
                .as_i64()
                .and_then(|n| i32::try_from(n).ok())
                .unwrap_or(1),
            status: head["status"].as_str().unwrap_or("ok").to_owned(),
            message: head["message"].as_str().unwrap_or_default().to_owned(),
            stdout: call.read_all(STDOUT)?,
            stderr: call.read_all(STDERR)?,
        })
    }
}

/// Call a tool; the result is `{"content": ..., "is_error": ..., "metadata":
/// ...}`.
pub fn tool(name: &str, input: &str) -> Result<Value, Error> {
    let call = Call::begin(|handle| unsafe {
        raw::tool_call(
            name.as_ptr(),
            name.len(),
            input.as_ptr(),
            input.len(),
            handle,
        )
    })?;
    call.json()
}

/// The tools this guest may call: `[{"name", "description", "input_schema"}]`.
pub fn tools() -> Result<Value, Error> {
    Call::begin(|handle| unsafe { raw::tool_list(handle) })?.json()
}

/// A call that the host has finished; dropping it frees the handle.
struct Call(u32);

impl Call {
    fn begin(start: impl FnOnce(*mut u32) -> i32) -> Result<Self, Error> {
        let mut handle = 0u32;
        match raw::errno(start(&mut handle)) {
            0 => Ok(Self(handle)),
            errno => Err(failure(errno)),
        }
    }

    fn head(&self) -> Result<Value, Error> {
        let text = raw::text(|buf, len, ret| unsafe { raw::call_head(self.0, buf, len, ret) })
            .map_err(|error| failure(error.errno))?;
        parse(&text)
    }

    fn read_all(&self, stream: u32) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        let mut buf = vec![0u8; 64 * 1024];
        loop {
            let read = raw::chunk(&mut buf, |data, len, ret| unsafe {
                raw::call_read(self.0, stream, data, len, ret)
            });
            match read.map_err(failure)? {
                0 => return Ok(all),
                len => all.extend_from_slice(&buf[..len]),
            }
        }
    }

    fn json(&self) -> Result<Value, Error> {
        parse(&self.read_all(STDOUT)?)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        unsafe { raw::call_close(self.0) };
    }
}

fn failure(errno: u16) -> Error {
    let text = raw::text(|buf, len, ret| unsafe { raw::call_error(buf, len, ret) });
    let message = text.map(|text| String::from_utf8_lossy(&text).into_owned());
    Error {
        errno,
        message: message.unwrap_or_default(),
    }
}

fn parse(text: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(text).map_err(|error| Error {
        errno: EIO,
        message: format!("the host sent no JSON: {error}"),
    })
}
