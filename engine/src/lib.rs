//! Wasmtime's C API as one static library, plus the hooks it lacks and a diff.
//!
//! Every hook leans on a `repr(C)` struct of the C API being a transparent
//! wrapper around the Rust type it is named after; the size assertions below
//! fail the build should a later version add a field.

use std::collections::hash_map::DefaultHasher;
use std::ffi::c_char;
use std::hash::{Hash, Hasher};

use wasmtime_c_api::wasmtime::{
    Enabled, Engine, Error, PoolingAllocationConfig, ResourceLimiter, Result,
};
pub use wasmtime_c_api::*;

mod calls;
#[allow(non_camel_case_types)]
mod component;
#[allow(non_camel_case_types)]
mod diff;
#[allow(non_camel_case_types)]
mod host;
mod json;
mod wasi;
mod world;

const _: () = assert!(size_of::<wasmtime_store_t>() == size_of::<WasmtimeStore>());
const _: () = assert!(size_of::<wasm_engine_t>() == size_of::<Engine>());
const _: () = assert!(
    size_of::<wasmtime_pooling_allocation_config_t>() == size_of::<PoolingAllocationConfig>()
);

/// Limits of one store and what it used, shared with C (sandbox/hooks.h).
/// Linear memories and GC heaps count together, as do all tables.
#[repr(C)]
pub struct bx_limiter {
    pub max_memory_bytes: u64,
    pub max_table_elements: u64,
    pub memory_bytes: u64,
    pub table_elements: u64,
    /// Growths refused.
    pub memory_refused: u64,
    pub table_refused: u64,
    pending: u64,
}

impl bx_limiter {
    /// One step of growth of a sum with a cap; None is a refusal.
    fn grown(used: u64, max: u64, current: usize, desired: usize) -> Option<u64> {
        let more = (desired as u64).saturating_sub(current as u64);
        used.checked_add(more).filter(|sum| *sum <= max)
    }
}

impl ResourceLimiter for bx_limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.pending = 0;
        if maximum.is_some_and(|max| desired > max) {
            return Ok(false);
        }
        match Self::grown(self.memory_bytes, self.max_memory_bytes, current, desired) {
            Some(sum) => {
                self.pending = sum - self.memory_bytes;
                self.memory_bytes = sum;
                Ok(true)
            }
            None => {
                self.memory_refused += 1;
                Ok(false)
            }
        }
    }

    fn memory_grow_failed(&mut self, _error: Error) -> Result<()> {
        self.memory_bytes -= self.pending;
        self.pending = 0;
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.pending = 0;
        if maximum.is_some_and(|max| desired > max) {
            return Ok(false);
        }
        match Self::grown(
            self.table_elements,
            self.max_table_elements,
            current,
            desired,
        ) {
            Some(sum) => {
                self.pending = sum - self.table_elements;
                self.table_elements = sum;
                Ok(true)
            }
            None => {
                self.table_refused += 1;
                Ok(false)
            }
        }
    }

    fn table_grow_failed(&mut self, _error: Error) -> Result<()> {
        self.table_elements -= self.pending;
        self.pending = 0;
        Ok(())
    }
}

pub(crate) struct LimiterRef(pub(crate) *mut bx_limiter);
// SAFETY: a store is used by one thread at a time, and its limiter with it.
unsafe impl Send for LimiterRef {}
unsafe impl Sync for LimiterRef {}

/// Put a store under a limiter.
///
/// # Safety
/// `limiter` must outlive the store and not be used while the guest runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bx_engine_limit_store(
    store: *mut wasmtime_store_t,
    limiter: *mut bx_limiter,
) {
    let limiter = LimiterRef(limiter);
    // SAFETY: wasmtime_store_t is repr(C) around one WasmtimeStore.
    let store = unsafe { &mut *store.cast::<WasmtimeStore>() };
    store.limiter(move |_data| {
        let LimiterRef(limiter) = &limiter;
        // SAFETY: this function's own contract.
        unsafe { &mut **limiter }
    });
}

/// Let the pool reset only the pages of a finished instance that it wrote, where
/// the kernel can tell (Linux 6.7, PAGEMAP_SCAN).
#[unsafe(no_mangle)]
pub extern "C" fn bx_engine_pool_scan(pool: &mut wasmtime_pooling_allocation_config_t) {
    // SAFETY: the type is repr(C) around one PoolingAllocationConfig.
    let pool = unsafe { &mut *std::ptr::from_mut(pool).cast::<PoolingAllocationConfig>() };
    pool.pagemap_scan(Enabled::Auto);
}

/// A number that differs between engines whose compiled code does not fit one
/// another: version, target and every setting that shapes code.
#[unsafe(no_mangle)]
pub extern "C" fn bx_engine_compatibility(engine: &wasm_engine_t) -> u64 {
    // SAFETY: wasm_engine_t is repr(C) around one Engine.
    let engine = unsafe { &*std::ptr::from_ref(engine).cast::<Engine>() };
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// "48.0.8", static.
#[unsafe(no_mangle)]
pub extern "C" fn bx_engine_version() -> *const c_char {
    c"48.0.8".as_ptr()
}
