//! The imports themselves, and the two shapes their results come in.

use crate::error::{EIO, ENOTSUP, ERANGE, Error};

#[cfg(target_family = "wasm")]
#[link(wasm_import_module = "boxagnts")]
unsafe extern "C" {
    pub fn path_replace(
        dir: i32,
        path: *const u8,
        path_len: usize,
        data: *const u8,
        data_len: usize,
    ) -> i32;
    pub fn http_open(request: *const u8, len: usize, ret_handle: *mut u32) -> i32;
    pub fn http_write(handle: u32, data: *const u8, len: usize) -> i32;
    pub fn http_head(handle: u32, buf: *mut u8, len: usize, ret_len: *mut usize) -> i32;
    pub fn http_read(handle: u32, buf: *mut u8, len: usize, ret_len: *mut usize) -> i32;
    pub fn http_error(handle: u32, buf: *mut u8, len: usize, ret_len: *mut usize) -> i32;
    pub fn http_close(handle: u32) -> i32;
    pub fn spawn(
        request: *const u8,
        request_len: usize,
        input: *const u8,
        input_len: usize,
        ret_handle: *mut u32,
    ) -> i32;
    pub fn tool_call(
        name: *const u8,
        name_len: usize,
        input: *const u8,
        input_len: usize,
        ret_handle: *mut u32,
    ) -> i32;
    pub fn tool_list(ret_handle: *mut u32) -> i32;
    pub fn call_head(handle: u32, buf: *mut u8, len: usize, ret_len: *mut usize) -> i32;
    pub fn call_read(
        handle: u32,
        stream: u32,
        buf: *mut u8,
        len: usize,
        ret_len: *mut usize,
    ) -> i32;
    pub fn call_error(buf: *mut u8, len: usize, ret_len: *mut usize) -> i32;
    pub fn call_close(handle: u32) -> i32;
}

/// An answer outside u16 would be no WASI errno.
pub fn errno(answer: i32) -> u16 {
    u16::try_from(answer).unwrap_or(EIO)
}

/// Run a call that copies into a buffer and answers ERANGE with the length it
/// needs. What the host says is not trusted to stay within the buffer.
pub fn text(mut call: impl FnMut(*mut u8, usize, *mut usize) -> i32) -> Result<Vec<u8>, Error> {
    let mut buf = vec![0u8; 1024];
    for _ in 0..4 {
        let mut len = 0usize;
        match errno(call(buf.as_mut_ptr(), buf.len(), &mut len)) {
            0 if len <= buf.len() => {
                buf.truncate(len);
                return Ok(buf);
            }
            ERANGE if len > buf.len() => buf.resize(len, 0),
            0 => {
                return Err(Error {
                    errno: EIO,
                    message: String::new(),
                });
            }
            errno => {
                return Err(Error {
                    errno,
                    message: String::new(),
                });
            }
        }
    }
    Err(Error {
        errno: ERANGE,
        message: String::new(),
    })
}

/// Run a call that gives some bytes and 0 at the end.
pub fn chunk(
    buf: &mut [u8],
    call: impl FnOnce(*mut u8, usize, *mut usize) -> i32,
) -> Result<usize, u16> {
    if buf.is_empty() {
        return Ok(0);
    }
    let mut len = 0usize;
    match errno(call(buf.as_mut_ptr(), buf.len(), &mut len)) {
        0 => Ok(len.min(buf.len())),
        errno => Err(errno),
    }
}

/// Outside a sandbox there is no host to ask.
#[cfg(not(target_family = "wasm"))]
mod absent {
    use super::ENOTSUP;

    macro_rules! absent {
        ($($name:ident($($arg:ident: $type:ty),*);)*) => {$(
            #[allow(clippy::missing_safety_doc)]
            pub unsafe fn $name($($arg: $type),*) -> i32 {
                $(let _ = $arg;)*
                i32::from(ENOTSUP)
            }
        )*};
    }

    absent! {
        path_replace(dir: i32, path: *const u8, path_len: usize, data: *const u8,
                     data_len: usize);
        http_open(request: *const u8, len: usize, ret_handle: *mut u32);
        http_write(handle: u32, data: *const u8, len: usize);
        http_head(handle: u32, buf: *mut u8, len: usize, ret_len: *mut usize);
        http_read(handle: u32, buf: *mut u8, len: usize, ret_len: *mut usize);
        http_error(handle: u32, buf: *mut u8, len: usize, ret_len: *mut usize);
        http_close(handle: u32);
        spawn(request: *const u8, request_len: usize, input: *const u8,
              input_len: usize, ret_handle: *mut u32);
        tool_call(name: *const u8, name_len: usize, input: *const u8,
                  input_len: usize, ret_handle: *mut u32);
        tool_list(ret_handle: *mut u32);
        call_head(handle: u32, buf: *mut u8, len: usize, ret_len: *mut usize);
        call_read(handle: u32, stream: u32, buf: *mut u8, len: usize,
                  ret_len: *mut usize);
        call_error(buf: *mut u8, len: usize, ret_len: *mut usize);
        call_close(handle: u32);
    }
}
#[cfg(not(target_family = "wasm"))]
pub use absent::*;

#[cfg(target_family = "wasm")]
const _: u16 = ENOTSUP;
