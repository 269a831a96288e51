//! Components for C: linked once, instantiated for each run, called by name.

use std::ffi::{CString, c_char, c_void};

use serde_json::Value;
use wasmtime::component::{
    Component, ComponentExportIndex, Func, Instance, InstancePre, Linker, Type, Val,
};
use wasmtime::{Engine, Error, Result, Store, Trap, UpdateDeadline, WasmBacktrace};
use wasmtime_c_api::{wasm_engine_t, wasmtime_component_t, wasmtime_error_t};

use crate::LimiterRef;
use crate::bx_limiter;
use crate::host::{Api, HOST_STOP, Host, bx_component_api, bx_text};
use crate::json;
use crate::world;

const _: () = assert!(size_of::<wasmtime_component_t>() == size_of::<Component>());

/// What one host call may make the host hold for it: lists and strings on their
/// way out of the guest.
const HOSTCALL_BYTES: usize = 32 << 20;
const HANDLES_MAX: usize = 65536;

pub struct bx_component_linker {
    linker: Linker<Host>,
    api: Api,
}

pub struct bx_component_pre {
    pre: InstancePre<Host>,
    run: Option<ComponentExportIndex>,
    api: Api,
}

pub struct bx_component_store {
    store: Store<Host>,
    pre: *const bx_component_pre,
    instance: Option<Instance>,
}

/// How a call ended; src/sandbox/component_api.h.
#[repr(C)]
pub struct bx_component_outcome {
    /// BX_HOST_EXIT, BX_HOST_STOP or 0.
    answer: i32,
    /// ENDED and the rest below.
    kind: i32,
    /// bx_trap_kind.
    trap: i32,
    exit_code: u32,
    /// Of a failure or trap, as the engine words it; bx_component_text_free().
    message: *mut c_char,
    /// Of an invocation: its result as JSON; the same.
    value: *mut c_char,
    value_bytes: usize,
}

const TRAP_OTHER: i32 = 0;
const TRAP_STACK: i32 = 1;
const TRAP_FUEL: i32 = 2;

const RETURNED: i32 = 0;
/// It returned an error: `result` err.
const RETURNED_ERR: i32 = 1;
const TRAPPED: i32 = 2;
/// The host could not.
const FAILED: i32 = 3;
/// What was asked for is wrong: no such function, arguments.
const INVALID: i32 = 4;

impl bx_component_outcome {
    fn clear(&mut self) {
        *self = bx_component_outcome {
            answer: 0,
            kind: RETURNED,
            trap: TRAP_OTHER,
            exit_code: 0,
            message: std::ptr::null_mut(),
            value: std::ptr::null_mut(),
            value_bytes: 0,
        };
    }

    fn fail(&mut self, kind: i32, message: String) {
        self.kind = kind;
        self.message = text(message);
    }
}

/// Owned by C; NULs cannot be in it.
fn text(message: String) -> *mut c_char {
    let message: String = message.replace('\0', "\\0");
    CString::new(message).unwrap_or_default().into_raw()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn bx_component_text_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: text() made it.
        drop(unsafe { CString::from_raw(text) });
    }
}

fn engine_of(engine: &wasm_engine_t) -> &Engine {
    // SAFETY: wasm_engine_t is repr(C) around one Engine (asserted in lib.rs).
    unsafe { &*std::ptr::from_ref(engine).cast::<Engine>() }
}

fn component_of(component: &wasmtime_component_t) -> &Component {
    // SAFETY: repr(transparent) around one Component.
    unsafe { &*std::ptr::from_ref(component).cast::<Component>() }
}

fn give<T>(result: Result<T>, ret: &mut *mut T) -> Option<Box<wasmtime_error_t>> {
    match result {
        Ok(value) => {
            *ret = Box::into_raw(Box::new(value));
            None
        }
        Err(error) => Some(Box::new(error.into())),
    }
}

/// # Safety
/// `api` is complete and lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bx_component_linker_new(
    engine: &wasm_engine_t,
    api: *const bx_component_api,
    ret: &mut *mut bx_component_linker,
) -> Option<Box<wasmtime_error_t>> {
    let make = || {
        let api = unsafe { Api::new(api) }.ok_or_else(|| Error::msg("a WASI call is missing"))?;
        let mut linker = Linker::new(engine_of(engine));
        crate::wasi::add_to_linker(&mut linker)?;
        crate::calls::add_to_linker(&mut linker)?;
        Ok(bx_component_linker { linker, api })
    };
    give(make(), ret)
}

#[unsafe(no_mangle)]
pub extern "C" fn bx_component_linker_delete(_: Option<Box<bx_component_linker>>) {}

#[unsafe(no_mangle)]
pub extern "C" fn bx_component_pre_new(
    linker: &bx_component_linker,
    component: &wasmtime_component_t,
    ret: &mut *mut bx_component_pre,
) -> Option<Box<wasmtime_error_t>> {
    let component = component_of(component);
    let make = || {
        let pre = linker.linker.instantiate_pre(component)?;
        let run = world::command(component.engine(), component).and_then(|interface| {
            let (_, interface) = component.get_export(None, &interface)?;
            let (_, run) = component.get_export(Some(&interface), "run")?;
            Some(run)
        });
        Ok(bx_component_pre {
            pre,
            run,
            api: linker.api,
        })
    };
    give(make(), ret)
}

#[unsafe(no_mangle)]
pub extern "C" fn bx_component_pre_delete(_: Option<Box<bx_component_pre>>) {}

/// Names of imports the sandbox does not have, one a line; NULL: none.
#[unsafe(no_mangle)]
pub extern "C" fn bx_component_missing(component: &wasmtime_component_t) -> *mut c_char {
    let component = component_of(component);
    let missing: Vec<_> = component
        .component_type()
        .imports(component.engine())
        .map(|(name, _)| name.to_owned())
        .filter(|name| !world::is_known(name))
        .collect();
    if missing.is_empty() {
        return std::ptr::null_mut();
    }
    text(missing.join("\n"))
}

/// JSON; bx_component_text_free().
#[unsafe(no_mangle)]
pub extern "C" fn bx_component_inspect(component: &wasmtime_component_t) -> *mut c_char {
    let component = component_of(component);
    text(world::inspect(component.engine(), component).to_string())
}

/// A store for one run or session; nothing runs yet. context and wasi are C's
/// host state of the instance. fuel_units 0: not metered.
///
/// # Safety
/// pre, context, wasi and limiter outlive the store.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bx_component_store_new(
    pre: *const bx_component_pre,
    context: *mut c_void,
    wasi: *mut c_void,
    limiter: *mut bx_limiter,
) -> Box<bx_component_store> {
    let of = unsafe { &*pre };
    let mut store = Store::new(of.pre.engine(), Host::new(of.api, context, wasi));
    let limiter = LimiterRef(limiter);

    store.limiter(move |_host| {
        let LimiterRef(limiter) = &limiter;
        // SAFETY: this function's own contract.
        unsafe { &mut **limiter }
    });
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.set_max_component_handles(HANDLES_MAX);
    store.epoch_deadline_callback(|mut store| {
        let host = store.data_mut();
        // SAFETY: the context is the instance's own.
        if unsafe { (host.api.c.is_over)(host.context) } {
            return Err(host.end(HOST_STOP));
        }
        Ok(UpdateDeadline::Continue(1))
    });
    store.set_epoch_deadline(1);
    Box::new(bx_component_store {
        store,
        pre,
        instance: None,
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn bx_component_store_delete(_: Option<Box<bx_component_store>>) {}

#[unsafe(no_mangle)]
pub extern "C" fn bx_component_store_set_fuel(store: &mut bx_component_store, units: u64) -> bool {
    store.store.set_fuel(units).is_ok()
}

#[unsafe(no_mangle)]
pub extern "C" fn bx_component_store_fuel(store: &bx_component_store) -> u64 {
    store.store.get_fuel().unwrap_or(0)
}

impl bx_component_store {
    /// Sort out an error of the engine's.
    fn ended(&mut self, outcome: &mut bx_component_outcome, error: Error) {
        let host = self.store.data();
        outcome.answer = host.answer;
        outcome.exit_code = host.exit_code;
        if outcome.answer != 0 {
            return;
        }
        let is_guest = error.downcast_ref::<Trap>().is_some()
            || error.downcast_ref::<WasmBacktrace>().is_some();
        if let Some(trap) = error.downcast_ref::<Trap>() {
            outcome.trap = match trap {
                Trap::StackOverflow => TRAP_STACK,
                Trap::OutOfFuel => TRAP_FUEL,
                _ => TRAP_OTHER,
            };
        }
        outcome.fail(
            if is_guest { TRAPPED } else { FAILED },
            format!("{error:?}"),
        );
    }

    fn instance(&mut self) -> Result<Instance> {
        if let Some(instance) = self.instance {
            return Ok(instance);
        }
        // SAFETY: it outlives the store.
        let pre = unsafe { &*self.pre };
        let instance = pre.pre.instantiate(&mut self.store)?;
        self.instance = Some(instance);
        Ok(instance)
    }

    fn find(&mut self, instance: Instance, export: &world::Export) -> Option<Func> {
        let interface = match &export.instance {
            Some(name) => Some(instance.get_export_index(&mut self.store, None, name)?),
            None => None,
        };
        let index = instance.get_export_index(&mut self.store, interface.as_ref(), &export.name)?;
        instance.get_func(&mut self.store, index)
    }
}

/// Instantiate if that has not happened, and call wasi:cli/run.
///
/// # Safety
/// `outcome` is written whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bx_component_store_run(
    store: &mut bx_component_store,
    outcome: &mut bx_component_outcome,
) {
    outcome.clear();
    store.store.data_mut().renew();
    let Some(run) = unsafe { &*store.pre }.run else {
        outcome.fail(
            INVALID,
            "exports no 'wasi:cli/run'; expected a command component, or name one of its \
             functions with --invoke"
                .into(),
        );
        return;
    };
    let result = store.instance().and_then(|instance| {
        let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut store.store, run)?;
        run.call(&mut store.store, ())
    });
    match result {
        Ok((Ok(()),)) => {}
        Ok((Err(()),)) => outcome.kind = RETURNED_ERR,
        Err(error) => store.ended(outcome, error),
    }
}

/// The export that a name means: "func", "ns:pkg/iface@1.0.0#func", or less of
/// it where that is enough.
fn choose<'a>(exports: &'a [world::Export], name: &str) -> Result<&'a world::Export, String> {
    let matches = |export: &&world::Export| {
        let Some((instance, func)) = name.split_once('#') else {
            return export.name == name;
        };
        let Some(full) = export.instance.as_deref() else {
            return false;
        };
        let unversioned = full.split_once('@').map_or(full, |(name, _)| name);
        let short = unversioned.rsplit('/').next().unwrap_or(unversioned);
        export.name == func && [full, unversioned, short].contains(&instance)
    };
    // A full name means itself, whatever else a shorter one could mean.
    if let Some(export) = exports.iter().find(|export| export.path() == name) {
        return Ok(export);
    }
    let mut found = exports.iter().filter(matches);
    match (found.next(), found.next()) {
        (Some(export), None) => Ok(export),
        (first, _) => {
            let mut names: Vec<_> = exports.iter().take(50).map(world::Export::path).collect();
            if names.is_empty() {
                names.push("none".into());
            }
            let why = if first.is_some() {
                "more than one function is called"
            } else {
                "no function is called"
            };
            Err(format!("{why} '{name}'; it exports {}", names.join(", ")))
        }
    }
}

/// An object by the parameters' names, or an array in their order.
fn arguments(params: &[(String, Type)], args: &Value) -> json::Parse<Vec<Val>> {
    match args {
        Value::Object(map) => Ok(json::fields_of(params, map, "")?
            .into_iter()
            .map(|(_, value)| value)
            .collect()),
        Value::Array(items) if items.len() == params.len() => params
            .iter()
            .zip(items)
            .enumerate()
            .map(|(i, ((_, ty), item))| json::parse(ty, item, &format!("/{i}")))
            .collect(),
        Value::Null if params.is_empty() => Ok(Vec::new()),
        _ => {
            let names: Vec<_> = params
                .iter()
                .map(|(name, ty)| format!("{name}: {}", world::type_text(ty)))
                .collect();
            Err(format!(
                "expected an object, or an array of {}: ({})",
                params.len(),
                names.join(", ")
            ))
        }
    }
}

fn invoke(
    store: &mut bx_component_store,
    name: &str,
    args: &[u8],
    outcome: &mut bx_component_outcome,
) {
    // SAFETY: it outlives the store.
    let pre = unsafe { &*store.pre };
    let exports = world::exports(pre.pre.engine(), pre.pre.component());
    let export = match choose(&exports, name) {
        Ok(export) => export,
        Err(why) => return outcome.fail(INVALID, why),
    };
    let path = export.path();
    let args = match serde_json::from_slice(args) {
        Ok(args) => args,
        Err(error) => {
            return outcome.fail(INVALID, format!("arguments of '{path}': not JSON: {error}"));
        }
    };
    let params = world::params_of(&export.func);
    let args = match arguments(&params, &args) {
        Ok(args) => args,
        Err(why) => return outcome.fail(INVALID, format!("arguments of '{path}': {why}")),
    };
    let mut results: Vec<_> = export.func.results().map(|_| Val::Bool(false)).collect();
    let result = store.instance().and_then(|instance| {
        let func = store
            .find(instance, export)
            .ok_or_else(|| Error::msg(format!("'{path}' is gone")))?;
        func.call(&mut store.store, &args, &mut results)
    });
    if let Err(error) = result {
        return store.ended(outcome, error);
    }
    let mut text = String::new();
    match (export.func.results().next(), results.first()) {
        (Some(ty), Some(value)) => {
            if let Err(why) = json::format(&mut text, &ty, value) {
                return outcome.fail(INVALID, format!("result of '{path}': {why}"));
            }
            if let Val::Result(Err(_)) = value {
                outcome.kind = RETURNED_ERR;
            }
        }
        _ => text.push_str("null"),
    }
    outcome.value_bytes = text.len();
    // JSON escapes control characters: there is no NUL in it.
    outcome.value = CString::new(text).unwrap_or_default().into_raw();
}

/// Instantiate if that has not happened, and call a function with arguments as
/// JSON.
///
/// # Safety
/// `outcome` is written whole; the texts are valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bx_component_store_invoke(
    store: &mut bx_component_store,
    name: bx_text,
    args: bx_text,
    outcome: &mut bx_component_outcome,
) {
    // SAFETY: this function's own contract.
    let (name, args) = unsafe {
        (
            std::slice::from_raw_parts(name.data, name.bytes),
            std::slice::from_raw_parts(args.data, args.bytes),
        )
    };
    outcome.clear();
    store.store.data_mut().renew();
    match std::str::from_utf8(name) {
        Ok(name) => invoke(store, name, args, outcome),
        Err(_) => outcome.fail(INVALID, "the function's name is not UTF-8".into()),
    }
}
