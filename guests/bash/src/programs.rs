//! Programs of the box that are no builtins: `python3`, `node` and whatever
//! else the host has, run by the host with this shell's exported environment,
//! folder and standard streams.

use std::sync::Arc;

use bashkit::host_deadline;
use bashkit::{
    Builtin, BuiltinContext, CommandResolver, ExecResult, Result, StreamData, async_trait,
};
use boxagnts_guest::call::Program;
use boxagnts_guest::error::{ENOENT, ENOTSUP};

/// Known by name, so that `command -v` and `#!` lines find them without asking.
pub const NAMES: &[&str] = &["python", "python3", "node", "nodejs", "js", "qjs"];

const EXIT_NOT_RUN: i32 = 126;
const EXIT_NOT_FOUND: i32 = 127;

pub fn program(name: &str) -> Box<dyn Builtin> {
    Box::new(Spawn {
        name: name.to_owned(),
        is_known: true,
    })
}

struct Spawn {
    name: String,
    /// A builtin of the shell, which does not look further when it is missing.
    is_known: bool,
}

struct Resolver;

pub fn resolver() -> Arc<dyn CommandResolver> {
    Arc::new(Resolver)
}

impl CommandResolver for Resolver {
    fn resolve(&self, name: &str) -> Option<Arc<dyn Builtin>> {
        Some(Arc::new(Spawn {
            name: name.to_owned(),
            is_known: false,
        }))
    }
}

impl Spawn {
    /// The bare status makes the shell itself say "command not found".
    fn missing(&self) -> ExecResult {
        let message = match self.is_known {
            true => StreamData::from(format!("bash: {}: command not found\n", self.name)),
            false => StreamData::new(),
        };
        ExecResult::err(message, EXIT_NOT_FOUND)
    }
}

#[async_trait]
impl Builtin for Spawn {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let mut argv = vec![self.name.clone()];
        argv.extend_from_slice(ctx.args);
        let program = Program {
            argv,
            env: ctx
                .env
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            cwd: Some(ctx.cwd.to_string_lossy().into_owned()),
            timeout_ms: host_deadline::left_ms(),
        };
        match program.run(ctx.stdin_bytes().unwrap_or_default()) {
            Ok(finished) => {
                let mut stderr = finished.stderr;
                // `timeout` says nothing, its status does.
                let is_timed = finished.status == "timeout" && host_deadline::left_ms() == Some(0);
                if finished.status != "ok" && !is_timed {
                    let why = format!("{}: {}: {}\n", self.name, finished.status, finished.message);
                    stderr.extend_from_slice(why.as_bytes());
                }
                let mut result = ExecResult::ok_bytes(finished.stdout);
                result.stderr = stderr.into();
                result.exit_code = finished.exit_code;
                Ok(result)
            }
            Err(error) if matches!(error.errno, ENOENT | ENOTSUP) => Ok(self.missing()),
            Err(error) => {
                let message = format!("{}: {}\n", self.name, error.reason());
                Ok(ExecResult::err(message, EXIT_NOT_RUN))
            }
        }
    }
}
