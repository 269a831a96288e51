//! Programs of the box that are no builtins: `python3`, `node` and whatever
//! else the host has, run by the host with this shell's exported environment,
//! folder and standard streams.

use std::sync::Arc;

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
    Box::new(Spawn(name.to_owned()))
}

struct Spawn(String);

struct Resolver;

pub fn resolver() -> Arc<dyn CommandResolver> {
    Arc::new(Resolver)
}

impl CommandResolver for Resolver {
    fn resolve(&self, name: &str) -> Option<Arc<dyn Builtin>> {
        Some(Arc::new(Spawn(name.to_owned())))
    }
}

/// The status that makes the shell itself say "command not found".
fn unknown() -> ExecResult {
    ExecResult::err(StreamData::new(), EXIT_NOT_FOUND)
}

#[async_trait]
impl Builtin for Spawn {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let mut argv = vec![self.0.clone()];
        argv.extend_from_slice(ctx.args);
        let program = Program {
            argv,
            env: ctx.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            cwd: Some(ctx.cwd.to_string_lossy().into_owned()),
        };
        match program.run(ctx.stdin_bytes().unwrap_or_default()) {
            Ok(finished) => {
                let mut stderr = finished.stderr;
                if finished.status != "ok" {
                    let why = format!("{}: {}: {}\n", self.0, finished.status, finished.message);
                    stderr.extend_from_slice(why.as_bytes());
                }
                let mut result = ExecResult::ok_bytes(finished.stdout);
                result.stderr = stderr.into();
                result.exit_code = finished.exit_code;
                Ok(result)
            }
            Err(error) if matches!(error.errno, ENOENT | ENOTSUP) => Ok(unknown()),
            Err(error) => {
                let message = format!("{}: {}\n", self.0, error.reason());
                Ok(ExecResult::err(message, EXIT_NOT_RUN))
            }
        }
    }
}
