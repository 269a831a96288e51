//! Where two texts differ, line by line.

use std::ffi::c_void;

use imara_diff::{Algorithm, Diff, InternedInput};

/// Lines from..to of each side, counted from 0, that one change replaces.
#[repr(C)]
pub struct bx_diff_hunk {
    pub before_from: u32,
    pub before_to: u32,
    pub after_from: u32,
    pub after_to: u32,
}

/// Tell each hunk in order. A line ends behind its '\n'. Returns what the
/// function answered when it was not 0, and that ends it.
///
/// # Safety
/// `before` and `after` hold so many bytes, at most 1 GiB each (a line number
/// has 31 bits); NULL is fine for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bx_engine_diff_lines(
    before: *const u8,
    before_bytes: usize,
    after: *const u8,
    after_bytes: usize,
    on_hunk: extern "C" fn(*mut c_void, *const bx_diff_hunk) -> i32,
    context: *mut c_void,
) -> i32 {
    let bytes = |data: *const u8, count| match data.is_null() {
        true => &[][..],
        // SAFETY: this function's own contract.
        false => unsafe { std::slice::from_raw_parts(data, count) },
    };
    let input = InternedInput::new(bytes(before, before_bytes), bytes(after, after_bytes));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    for hunk in diff.hunks() {
        let hunk = bx_diff_hunk {
            before_from: hunk.before.start,
            before_to: hunk.before.end,
            after_from: hunk.after.start,
            after_to: hunk.after.end,
        };
        let answer = on_hunk(context, &hunk);
        if answer != 0 {
            return answer;
        }
    }
    0
}
