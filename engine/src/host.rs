//! The host state of one component's instance, and the table of C functions
//! that all of its system access goes through. Nothing in this crate opens a
//! file, a socket or a connection: src/wasi and src/net do, under the policy.

use std::ffi::{CStr, c_char, c_void};

use wasmtime::component::Resource;
use wasmtime::{Error, Result};

/// src/base/guest.h: what a host function answers beside a result.
pub const HOST_EXIT: i32 = -1;
pub const HOST_STOP: i32 = -2;

/// Resources alive at once. Each costs the host some hundred bytes that no
/// limit of the guest's memory counts.
const RESOURCES_MAX: usize = 16384;

#[repr(C)]
pub struct bx_guest {
    pub data: *mut u8,
    pub size: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union bx_raw {
    pub u32: u32,
    pub u64: u64,
    pub v128: [u8; 16],
}

impl From<u32> for bx_raw {
    fn from(value: u32) -> Self {
        let mut raw = bx_raw { v128: [0; 16] };
        raw.u32 = value;
        raw
    }
}

impl From<u64> for bx_raw {
    fn from(value: u64) -> Self {
        let mut raw = bx_raw { v128: [0; 16] };
        raw.u64 = value;
        raw
    }
}

pub type bx_host_fn =
    unsafe extern "C" fn(host: *mut c_void, guest: *const bx_guest, args: *const bx_raw) -> i32;

#[repr(C)]
pub struct bx_host_call {
    name: *const c_char,
    params: *const c_char,
    has_result: bool,
    call: bx_host_fn,
}

/// poll(2)'s.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pollfd {
    pub fd: i32,
    pub events: i16,
    pub revents: i16,
}

pub const POLLIN: i16 = 1;
pub const POLLOUT: i16 = 4;

/// An address and port; IPv4 as ::ffff:a.b.c.d.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct bx_endpoint {
    pub address: [u8; 16],
    pub port: u16,
    pub is_ipv6: bool,
}

/// Bytes that stay the other side's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bx_text {
    pub data: *const u8,
    pub bytes: usize,
}

impl bx_text {
    pub fn new(text: &[u8]) -> Self {
        bx_text {
            data: text.as_ptr(),
            bytes: text.len(),
        }
    }
}

/// Why a request failed: a bx_code, an errno, and words for people.
#[repr(C)]
pub struct bx_component_failure {
    pub code: i32,
    pub errnum: i32,
    pub message: [u8; 256],
}

impl Default for bx_component_failure {
    fn default() -> Self {
        bx_component_failure {
            code: 0,
            errnum: 0,
            message: [0; 256],
        }
    }
}

impl bx_component_failure {
    pub fn text(&self) -> String {
        let end = self.message.iter().position(|b| *b == 0).unwrap_or(256);
        String::from_utf8_lossy(&self.message[..end]).into_owned()
    }
}

/// A malloc()ed block of C's that is freed by `free`.
#[repr(C)]
pub struct bx_block {
    pub data: *mut u8,
    pub bytes: usize,
}

/// What C gives (src/sandbox/component_api.h, the same order). context is the
/// instance's; errors are negative errnos unless said otherwise.
#[repr(C)]
pub struct bx_component_api {
    pub calls: *const bx_host_call,
    pub calls_count: *const usize,
    /// Count a call; HOST_STOP when the run is over.
    pub enter: unsafe extern "C" fn(*mut c_void) -> i32,
    /// At an epoch: is it over?
    pub is_over: unsafe extern "C" fn(*mut c_void) -> bool,
    /// The descriptor to wait for before fd is read or written, -1: none.
    pub stream_fd: unsafe extern "C" fn(*mut c_void, u32, bool) -> i32,
    /// poll() within the run's time; timeout_ns < 0: for ever. HOST_STOP.
    pub wait: unsafe extern "C" fn(*mut c_void, *mut pollfd, usize, i64) -> i32,
    pub is_deterministic: unsafe extern "C" fn(*mut c_void) -> bool,
    /// free(3).
    pub free: unsafe extern "C" fn(*mut c_void),

    pub socket_open: unsafe extern "C" fn(*mut c_void, bool, bool) -> i32,
    pub socket_close: unsafe extern "C" fn(*mut c_void, i32),
    pub socket_connect: unsafe extern "C" fn(*mut c_void, i32, *const bx_endpoint) -> i32,
    pub socket_finish: unsafe extern "C" fn(*mut c_void, i32) -> i32,
    pub socket_bind: unsafe extern "C" fn(*mut c_void, i32, *const bx_endpoint) -> i32,
    pub socket_listen: unsafe extern "C" fn(*mut c_void, i32) -> i32,
    pub socket_fd: unsafe extern "C" fn(*mut c_void, i32) -> i32,
    pub socket_receive: unsafe extern "C" fn(*mut c_void, i32, *mut u8, usize) -> i64,
    pub socket_send: unsafe extern "C" fn(*mut c_void, i32, *const u8, usize) -> i64,
    pub socket_receive_from:
        unsafe extern "C" fn(*mut c_void, i32, *mut u8, usize, *mut bx_endpoint) -> i64,
    pub socket_send_to:
        unsafe extern "C" fn(*mut c_void, i32, *const u8, usize, *const bx_endpoint) -> i64,
    pub socket_shutdown: unsafe extern "C" fn(*mut c_void, i32, i32) -> i32,
    pub socket_name: unsafe extern "C" fn(*mut c_void, i32, bool, *mut bx_endpoint) -> i32,
    pub socket_get: unsafe extern "C" fn(*mut c_void, i32, i32, *mut u64) -> i32,
    pub socket_set: unsafe extern "C" fn(*mut c_void, i32, i32, u64) -> i32,
    /// Fills at most max addresses; returns how many.
    pub socket_resolve: unsafe extern "C" fn(*mut c_void, bx_text, *mut bx_endpoint, usize) -> i32,

    pub http_open: unsafe extern "C" fn(
        *mut c_void,
        bx_text,
        bx_text,
        *const [bx_text; 2],
        usize,
        u64,
        *mut bx_component_failure,
    ) -> *mut c_void,
    pub http_check_field: unsafe extern "C" fn(bx_text, bx_text) -> bool,
    pub http_write: unsafe extern "C" fn(
        *mut c_void,
        *mut c_void,
        *const u8,
        usize,
        *mut bx_component_failure,
    ) -> i32,
    /// Can head (or body) be asked for without waiting?
    pub http_is_ready: unsafe extern "C" fn(*mut c_void, *mut c_void, bool) -> bool,
    /// As wait, and until something happens to a request too.
    pub http_wait: unsafe extern "C" fn(*mut c_void, *mut pollfd, usize, i64) -> i32,
    pub http_head: unsafe extern "C" fn(
        *mut c_void,
        *mut c_void,
        *mut u16,
        *mut usize,
        *mut bx_component_failure,
    ) -> i32,
    pub http_field:
        unsafe extern "C" fn(*mut c_void, *mut c_void, usize, *mut bx_text, *mut bx_text),
    pub http_read: unsafe extern "C" fn(
        *mut c_void,
        *mut c_void,
        *mut u8,
        usize,
        *mut bx_component_failure,
    ) -> i64,
    pub http_free: unsafe extern "C" fn(*mut c_void, *mut c_void),

    /// JSON in, JSON or raw bytes out; see calls.rs.
    pub service: unsafe extern "C" fn(
        *mut c_void,
        i32,
        *const bx_text,
        usize,
        *mut [bx_block; 3],
        *mut bx_component_failure,
    ) -> i32,
}

/// Which preview1 calls the adaptation uses, and where C keeps them.
macro_rules! calls {
    ($($name:ident),* $(,)?) => {
        #[derive(Clone, Copy)]
        pub struct Calls { $(pub $name: bx_host_fn),* }
        impl Calls {
            /// None when C's table lacks one.
            ///
            /// # Safety
            /// `api` is complete.
            unsafe fn find(api: &bx_component_api) -> Option<Self> {
                let calls = unsafe { std::slice::from_raw_parts(api.calls, *api.calls_count) };
                let find = |name: &str| calls.iter()
                    .find(|c| unsafe { CStr::from_ptr(c.name) }.to_bytes() == name.as_bytes())
                    .map(|c| c.call);
                Some(Calls { $($name: find(stringify!($name))?),* })
            }
        }
    };
}

calls!(
    args_get,
    args_sizes_get,
    environ_get,
    environ_sizes_get,
    clock_res_get,
    clock_time_get,
    fd_advise,
    fd_close,
    fd_datasync,
    fd_fdstat_get,
    fd_fdstat_set_flags,
    fd_filestat_get,
    fd_filestat_set_size,
    fd_filestat_set_times,
    fd_pread,
    fd_prestat_dir_name,
    fd_prestat_get,
    fd_pwrite,
    fd_read,
    fd_readdir,
    fd_sync,
    fd_write,
    path_create_directory,
    path_filestat_get,
    path_filestat_set_times,
    path_link,
    path_open,
    path_readlink,
    path_remove_directory,
    path_rename,
    path_symlink,
    path_unlink_file,
    poll_oneoff,
    random_get,
);

/// C's functions, one for the whole process.
#[derive(Clone, Copy)]
pub struct Api {
    pub c: &'static bx_component_api,
    pub calls: Calls,
}

impl Api {
    /// # Safety
    /// `api` is complete and lives for ever.
    pub unsafe fn new(api: *const bx_component_api) -> Option<Self> {
        let c = unsafe { &*api };
        let calls = unsafe { Calls::find(c) }?;
        Some(Api { c, calls })
    }
}

/// How a preview1 call ended other than well.
pub enum Fail {
    /// A WASI errno.
    Errno(i32),
    /// The run ends.
    Trap(Error),
}

/// What resources stand for. The guest's handle is checked by the engine; the
/// index behind it is this table's.
pub enum Entry {
    Descriptor(u32),
    Directory(crate::wasi::fs::Listing),
    Input(crate::wasi::io::Input),
    Output(crate::wasi::io::Output),
    Pollable(crate::wasi::io::Pollable),
    IoError(crate::wasi::io::IoError),
    /// Terminals and networks: no state.
    Token,
    Tcp(crate::wasi::sockets::Tcp),
    Udp(crate::wasi::sockets::Udp),
    UdpIn(i32),
    UdpOut(i32),
    Names(std::vec::IntoIter<bx_endpoint>),
    Http(crate::wasi::http::Item),
}

pub struct Host {
    pub api: Api,
    pub context: *mut c_void,
    wasi: *mut c_void,
    pub entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    /// How many resources hold each preview1 descriptor.
    holders: Vec<u32>,
    /// How many hold each socket.
    pub sockets: Vec<u32>,
    pub exchanges: Vec<Option<crate::wasi::http::Exchange>>,
    /// HOST_EXIT or HOST_STOP ended the run; 0: neither.
    pub answer: i32,
    pub exit_code: u32,
}

// SAFETY: an instance belongs to one thread at a time, its pointers with it.
unsafe impl Send for Host {}

impl Host {
    pub fn new(api: Api, context: *mut c_void, wasi: *mut c_void) -> Self {
        Host {
            api,
            context,
            wasi,
            entries: Vec::new(),
            free: Vec::new(),
            holders: Vec::new(),
            sockets: Vec::new(),
            exchanges: Vec::new(),
            answer: 0,
            exit_code: 0,
        }
    }

    /// A session's next call has streams and a deadline of its own.
    pub fn renew(&mut self) {
        self.answer = 0;
        self.exit_code = 0;
    }

    pub fn end(&mut self, answer: i32) -> Error {
        self.answer = answer;
        Error::msg(if answer == HOST_EXIT { "exit" } else { "stop" })
    }

    /// At the beginning of each host function.
    pub fn enter(&mut self) -> Result<()> {
        // SAFETY: context belongs to this instance.
        match unsafe { (self.api.c.enter)(self.context) } {
            0 => Ok(()),
            answer => Err(self.end(answer)),
        }
    }

    /// Call preview1. memory stands in for the guest's.
    pub fn call(
        &mut self,
        call: bx_host_fn,
        memory: &mut [u8],
        args: &[bx_raw],
    ) -> Result<(), Fail> {
        let guest = bx_guest {
            data: memory.as_mut_ptr(),
            size: memory.len() as u64,
        };
        self.enter().map_err(Fail::Trap)?;
        // SAFETY: every host function checks its pointers against guest.
        match unsafe { call(self.wasi, &guest, args.as_ptr()) } {
            0 => Ok(()),
            errno if errno > 0 => Err(Fail::Errno(errno)),
            answer => Err(Fail::Trap(self.end(answer))),
        }
    }

    /// Wait for descriptors; 0 when the time came.
    pub fn wait(&mut self, fds: &mut [pollfd], timeout_ns: i64, with_http: bool) -> Result<()> {
        let wait = if with_http {
            self.api.c.http_wait
        } else {
            self.api.c.wait
        };
        // SAFETY: fds is a slice of ours.
        let answer = unsafe { wait(self.context, fds.as_mut_ptr(), fds.len(), timeout_ns) };
        if answer == HOST_STOP {
            return Err(self.end(answer));
        }
        Ok(())
    }

    // ---- resources ----

    pub fn push<T: 'static>(&mut self, entry: Entry) -> Result<Resource<T>> {
        let index = match self.free.pop() {
            Some(index) => {
                self.entries[index as usize] = Some(entry);
                index
            }
            None => {
                if self.entries.len() >= RESOURCES_MAX {
                    self.dispose(entry);
                    return Err(Error::msg(format!(
                        "the component holds {RESOURCES_MAX} resources (streams, pollables, \
                         descriptors, requests), which is the most; it does not drop them"
                    )));
                }
                self.entries.push(Some(entry));
                (self.entries.len() - 1) as u32
            }
        };
        Ok(Resource::new_own(index))
    }

    pub fn get<T: 'static>(&mut self, resource: &Resource<T>) -> Result<&mut Entry> {
        self.entries
            .get_mut(resource.rep() as usize)
            .and_then(Option::as_mut)
            .ok_or_else(|| Error::msg("no such resource"))
    }

    pub fn take<T: 'static>(&mut self, resource: Resource<T>) -> Result<Entry> {
        let entry = self
            .entries
            .get_mut(resource.rep() as usize)
            .and_then(Option::take)
            .ok_or_else(|| Error::msg("no such resource"))?;
        self.free.push(resource.rep());
        Ok(entry)
    }

    /// Drop a resource with what it holds.
    pub fn remove<T: 'static>(&mut self, resource: Resource<T>) -> Result<()> {
        let entry = self.take(resource)?;
        self.dispose(entry);
        Ok(())
    }

    fn dispose(&mut self, entry: Entry) {
        match entry {
            Entry::Descriptor(fd) => self.unhold(fd),
            Entry::Directory(listing) => self.unhold(listing.fd),
            Entry::Input(input) => self.close_input(input),
            Entry::Output(output) => self.close_output(output),
            Entry::Pollable(pollable) => self.close_pollable(pollable),
            Entry::Tcp(tcp) => self.unhold_socket(tcp.handle),
            Entry::Udp(udp) => self.unhold_socket(udp.handle),
            Entry::UdpIn(handle) | Entry::UdpOut(handle) => self.unhold_socket(handle),
            Entry::Http(item) => self.close_http(item),
            _ => {}
        }
    }

    /// Streams outlive the descriptor they were made from, so a descriptor is
    /// closed with its last holder.
    pub fn hold(&mut self, fd: u32) {
        let index = fd as usize;
        if self.holders.len() <= index {
            self.holders.resize(index + 1, 0);
        }
        self.holders[index] += 1;
    }

    pub fn unhold(&mut self, fd: u32) {
        let count = &mut self.holders[fd as usize];
        *count -= 1;
        if *count == 0 {
            let close = self.api.calls.fd_close;
            let guest = bx_guest {
                data: std::ptr::null_mut(),
                size: 0,
            };
            // SAFETY: fd_close touches no guest memory.
            unsafe { close(self.wasi, &guest, [fd.into()].as_ptr()) };
        }
    }

    pub fn hold_socket(&mut self, handle: i32) {
        let index = handle as usize;
        if self.sockets.len() <= index {
            self.sockets.resize(index + 1, 0);
        }
        self.sockets[index] += 1;
    }

    pub fn unhold_socket(&mut self, handle: i32) {
        let count = &mut self.sockets[handle as usize];
        *count -= 1;
        if *count == 0 {
            // SAFETY: the handle is one of C's.
            unsafe { (self.api.c.socket_close)(self.context, handle) };
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for entry in std::mem::take(&mut self.entries).into_iter().flatten() {
            self.dispose(entry);
        }
    }
}
