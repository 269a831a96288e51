//! `zcat`: what `gunzip -c` does.

use bashkit::{
    Builtin, BuiltinContext, ExecResult, ExecutionPlan, Result, SubCommand, async_trait,
};

pub struct Zcat;

#[async_trait]
impl Builtin for Zcat {
    async fn execute(&self, _ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        Ok(ExecResult::err("zcat: not run as planned\n", 1)) // the plan is taken
    }

    async fn execution_plan(&self, ctx: &BuiltinContext<'_>) -> Result<Option<ExecutionPlan>> {
        let mut args = vec!["-c".to_owned()];
        args.extend_from_slice(ctx.args);
        let stdin = ctx.stdin_bytes().map(bashkit::StreamData::from);
        let command = SubCommand {
            name: "gunzip".to_owned(),
            args,
            stdin,
            assignments: Vec::new(),
        };
        Ok(Some(ExecutionPlan::Env {
            command,
            clear: false,
            unset: Vec::new(),
            set: Vec::new(),
            chdir: None,
        }))
    }
}
