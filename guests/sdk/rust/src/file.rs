//! Files replaced in one step.

use std::ffi::{CStr, CString, c_char};
use std::io::{Error, Result};
use std::path::Path;

use crate::raw;

/// As the C library takes them.
const PATH_BYTES: usize = 4096;

/// Put a file with these bytes in the place of the one at `path`, or of nothing.
/// It takes the mode of the one that it replaces. Only that path has to be
/// granted, and whatever ends the program midway, the file is as it was or as it
/// shall be, and nothing lies beside it. A link at the end of the path is not
/// followed, but replaced.
pub fn replace(path: &Path, data: &[u8]) -> Result<()> {
    let path = CString::new(path.as_os_str().as_encoded_bytes())?;
    let mut relative = [0u8; PATH_BYTES];
    let (dir, relative) = find_folder(&path, &mut relative)?;
    // SAFETY: the host reads what the two slices hold.
    let answer = unsafe {
        raw::path_replace(
            dir,
            relative.to_bytes().as_ptr(),
            relative.to_bytes().len(),
            data.as_ptr(),
            data.len(),
        )
    };
    match raw::errno(answer) {
        0 => Ok(()),
        errno => Err(Error::from_raw_os_error(i32::from(errno))),
    }
}

/// The preopened folder that has the path, and the rest of it.
#[cfg(target_os = "wasi")]
fn find_folder<'a>(path: &'a CStr, room: &'a mut [u8; PATH_BYTES]) -> Result<(i32, &'a CStr)> {
    unsafe extern "C" {
        fn __wasilibc_find_relpath(
            path: *const c_char,
            prefix: *mut *const c_char,
            relative: *mut *mut c_char,
            relative_len: usize,
        ) -> i32;
    }
    let mut prefix = std::ptr::null();
    let mut relative = room.as_mut_ptr().cast();
    // SAFETY: path ends in a NUL; relative is room for its length, and is left
    // at a string within that, or within path.
    unsafe {
        let dir = __wasilibc_find_relpath(path.as_ptr(), &mut prefix, &mut relative, PATH_BYTES);
        match dir {
            0.. => Ok((dir, CStr::from_ptr(relative))),
            _ => Err(Error::last_os_error()),
        }
    }
}

#[cfg(not(target_os = "wasi"))]
fn find_folder<'a>(path: &'a CStr, _room: &'a mut [u8; PATH_BYTES]) -> Result<(i32, &'a CStr)> {
    Ok((0, path))
}
