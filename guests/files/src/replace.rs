//! Put new content in a file's place in one step.

use std::fs::{self, File};
use std::io::Error;
use std::time::SystemTime;

use boxagnts_guest::file;

use crate::call::Failure;
use crate::fail;
use crate::place;

const LINKS_MAX: usize = 40; // as the kernel

/// The path behind the symbolic links at path's end: what is replaced is what
/// they lead to, and the links stay.
pub fn follow_links(path: &str) -> Result<String, Failure> {
    let mut at = path.to_string();
    for _ in 0..LINKS_MAX {
        let Ok(target) = fs::read_link(&at) else {
            return Ok(at);
        };
        let Some(target) = target.to_str() else {
            fail!("'{path}' is a symbolic link to a name that is not UTF-8");
        };
        if target.starts_with('/') {
            fail!(
                "'{path}' is a symbolic link to '{target}', an absolute path, which is not \
                 followed; name the file itself"
            );
        }
        at = format!("{}{target}", place::folder_of(&at));
    }
    fail!("'{path}' cannot be edited: its symbolic links lead in circles")
}

/// What a file was when it was read, to see whether it still is.
#[derive(PartialEq)]
pub struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

pub fn stamp(file: &File) -> Result<Stamp, Error> {
    let metadata = file.metadata()?;
    Ok(Stamp {
        bytes: metadata.len(),
        modified: metadata.modified().ok(),
    })
}

/// Whatever ends the program midway, the file is as it was or as it shall be.
/// path: as of follow_links().
pub fn replace(path: &str, data: &[u8], stamp_read: &Stamp) -> Result<(), Failure> {
    check_unchanged(path, stamp_read)?;
    file::replace(path.as_ref(), data).map_err(|e| place::failure(path, "edited", &e))
}

fn check_unchanged(path: &str, stamp_read: &Stamp) -> Result<(), Failure> {
    let now = File::open(path).and_then(|file| stamp(&file));
    match now {
        Ok(now) if now == *stamp_read => Ok(()),
        _ => fail!(
            "'{path}' was changed by someone else during the edit and was left as they made it; \
             read it again and repeat the edit"
        ),
    }
}
