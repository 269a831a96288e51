//! What file calls of a component cost under Wasmtime's own WASI 0.2, for the
//! benchmark to compare with: the same engine, the same component, the same
//! arguments; only what implements the calls is another.
//!
//!     boxagnts-bench-stock async|in-place COMPONENT FOLDER ARGUMENT...
//!
//! FOLDER is the guest's ".". in-place is allow_blocking_current_thread(true).
use std::process::ExitCode;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Result, Store, error::Context};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

struct State {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }
}

fn run(in_place: bool, component: &str, folder: &str, args: &[String]) -> Result<bool> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true); // as ours: its checks are in the code
    let engine = Engine::new(&config)?;
    let component = Component::from_file(&engine, component)?;
    let mut linker: Linker<State> = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;

    let mut builder = WasiCtxBuilder::new();
    builder
        .inherit_stdio()
        .allow_blocking_current_thread(in_place)
        .arg("bench_files")
        .args(args)
        .preopened_dir(folder, ".", FsPerms::ReadWrite)
        .with_context(|| format!("folder '{folder}'"))?;
    let state = State {
        ctx: builder.build(),
        table: ResourceTable::new(),
    };
    let mut store = Store::new(&engine, state);
    store.set_epoch_deadline(u64::MAX / 2);
    let command = Command::instantiate(&mut store, &component, &linker)?;
    Ok(command.wasi_cli_run().call_run(&mut store)?.is_ok())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let in_place = args.get(1).map(String::as_str) == Some("in-place");
    if args.len() < 4 || !(in_place || args[1] == "async") {
        eprintln!("usage: boxagnts-bench-stock async|in-place COMPONENT FOLDER ARGUMENT...");
        return ExitCode::from(2);
    }
    match run(in_place, &args[2], &args[3], &args[4..]) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("boxagnts-bench-stock: {error:?}");
            ExitCode::FAILURE
        }
    }
}
