//! wasi:filesystem on the preview1 path and descriptor calls of src/wasi:
//! mappings, grants, quotas, audit and every other rule are theirs.

use wasmtime::component::Resource;
use wasmtime::{Error, Result};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types as base};
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{self, ErrorCode};
use wasmtime_wasi::p2::bindings::sync::io::streams;
use wasmtime_wasi::p2::{FsError, FsResult};

use crate::host::{Entry, Fail, Host, bx_raw};
use crate::wasi::io::{Input, IoError, Output};

type Descriptor = Resource<types::Descriptor>;

/// src/wasi/types.h.
const FD_READ: u64 = 1 << 1;
const FD_WRITE: u64 = 1 << 6;
const RIGHTS_ALL: u64 = (1 << 28) - 1;
/// Datasync, seek, flags, sync, tell, advise, stat, times, poll; of folders
/// open, readdir, readlink, stat.
const RIGHTS_READ: u64 = FD_READ
    | 1
    | 1 << 2
    | 1 << 3
    | 1 << 4
    | 1 << 5
    | 1 << 7
    | 1 << 13
    | 1 << 14
    | 1 << 15
    | 1 << 18
    | 1 << 21
    | 1 << 27;
const RIGHTS_WRITE: u64 = FD_WRITE | 1 << 8 | 1 << 22 | 1 << 23;
const RIGHTS_DIR: u64 = 1 << 9
    | 1 << 10
    | 1 << 11
    | 1 << 12
    | 1 << 16
    | 1 << 17
    | 1 << 19
    | 1 << 20
    | 1 << 23
    | 1 << 24
    | 1 << 25
    | 1 << 26;
const FDFLAG_DSYNC: u32 = 2;
const FDFLAG_RSYNC: u32 = 8;
const FDFLAG_SYNC: u32 = 16;
const FILETYPE_DIRECTORY: u8 = 3;
const FILESTAT_BYTES: usize = 64;
const LIST_BYTES: usize = 16384;
const PATH_BYTES: usize = 4096;

/// The errors of preview1, in its numbers, in preview2's words.
pub fn error_code(errno: i32) -> ErrorCode {
    match errno {
        2 => ErrorCode::Access,
        6 => ErrorCode::WouldBlock,
        8 => ErrorCode::BadDescriptor,
        10 => ErrorCode::Busy,
        19 => ErrorCode::Quota,
        20 => ErrorCode::Exist,
        22 => ErrorCode::FileTooLarge,
        25 => ErrorCode::IllegalByteSequence,
        27 => ErrorCode::Interrupted,
        28 => ErrorCode::Invalid,
        31 => ErrorCode::IsDirectory,
        32 => ErrorCode::Loop,
        // Too many open: preview2 has no word nearer than this.
        33 | 41 | 42 | 48 => ErrorCode::InsufficientMemory,
        34 => ErrorCode::TooManyLinks,
        37 => ErrorCode::NameTooLong,
        43 => ErrorCode::NoDevice,
        44 => ErrorCode::NoEntry,
        46 => ErrorCode::NoLock,
        51 => ErrorCode::InsufficientSpace,
        52 | 58 => ErrorCode::Unsupported,
        54 => ErrorCode::NotDirectory,
        55 => ErrorCode::NotEmpty,
        59 => ErrorCode::NoTty,
        60 => ErrorCode::NoSuchDevice,
        61 => ErrorCode::Overflow,
        // A path out of the mapping, or a right the descriptor lacks.
        63 | 76 => ErrorCode::NotPermitted,
        64 => ErrorCode::Pipe,
        69 => ErrorCode::ReadOnly,
        70 => ErrorCode::InvalidSeek,
        74 => ErrorCode::TextFileBusy,
        75 => ErrorCode::CrossDevice,
        _ => ErrorCode::Io,
    }
}

/// The two generations of bindings have an enum each.
fn to_base(code: ErrorCode) -> base::ErrorCode {
    macro_rules! same {
        ($($name:ident),*) => { match code { $(ErrorCode::$name => base::ErrorCode::$name),* } };
    }
    same!(
        Access,
        WouldBlock,
        Already,
        BadDescriptor,
        Busy,
        Deadlock,
        Quota,
        Exist,
        FileTooLarge,
        IllegalByteSequence,
        InProgress,
        Interrupted,
        Invalid,
        Io,
        IsDirectory,
        Loop,
        TooManyLinks,
        MessageSize,
        NameTooLong,
        NoDevice,
        NoEntry,
        NoLock,
        InsufficientMemory,
        InsufficientSpace,
        NotDirectory,
        NotEmpty,
        NotRecoverable,
        Unsupported,
        NoTty,
        NoSuchDevice,
        Overflow,
        NotPermitted,
        Pipe,
        ReadOnly,
        InvalidSeek,
        TextFileBusy,
        CrossDevice
    )
}

fn fs_error(fail: Fail) -> FsError {
    match fail {
        Fail::Errno(errno) => to_base(error_code(errno)).into(),
        Fail::Trap(error) => FsError::trap(error),
    }
}

fn file_type(filetype: u8) -> types::DescriptorType {
    match filetype {
        1 => types::DescriptorType::BlockDevice,
        2 => types::DescriptorType::CharacterDevice,
        3 => types::DescriptorType::Directory,
        4 => types::DescriptorType::RegularFile,
        5 | 6 => types::DescriptorType::Socket,
        7 => types::DescriptorType::SymbolicLink,
        _ => types::DescriptorType::Unknown,
    }
}

/// A folder being listed.
pub struct Listing {
    pub fd: u32,
    cookie: u64,
    buffer: Vec<u8>,
    at: usize,
    is_last: bool,
}

struct Filestat([u8; FILESTAT_BYTES]);

impl Filestat {
    fn number(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().unwrap())
    }

    fn time(&self, at: usize) -> Option<Datetime> {
        let ns = self.number(at);
        Some(Datetime {
            seconds: ns / 1_000_000_000,
            nanoseconds: (ns % 1_000_000_000) as u32,
        })
    }

    fn stat(&self) -> types::DescriptorStat {
        types::DescriptorStat {
            type_: file_type(self.0[16]),
            link_count: self.number(24),
            size: self.number(32),
            data_access_timestamp: self.time(40),
            data_modification_timestamp: self.time(48),
            status_change_timestamp: self.time(56),
        }
    }

    /// Not reversible: device and inode numbers are the host's.
    fn hash(&self) -> types::MetadataHashValue {
        let mix = |seed: u64| {
            let mut value = seed;
            for at in [0, 8, 32, 48, 56] {
                value = (value ^ self.number(at)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                value ^= value >> 29;
            }
            value
        };
        types::MetadataHashValue {
            lower: mix(0x243f_6a88_85a3_08d3),
            upper: mix(0x1319_8a2e_0370_7344),
        }
    }
}

impl Host {
    fn fd(&mut self, descriptor: &Descriptor) -> Result<u32, Fail> {
        match self.get(descriptor).map_err(Fail::Trap)? {
            Entry::Descriptor(fd) => Ok(*fd),
            _ => Err(Fail::Trap(Error::msg("not a descriptor"))),
        }
    }

    fn fdstat(&mut self, fd: u32) -> Result<(u8, u32, u64), Fail> {
        let mut memory = [0; 24];
        let call = self.api.calls.fd_fdstat_get;
        self.call(call, &mut memory, &[fd.into(), 0u32.into()])?;
        let flags = u16::from_le_bytes(memory[2..4].try_into().unwrap());
        let rights = u64::from_le_bytes(memory[8..16].try_into().unwrap());
        Ok((memory[0], flags.into(), rights))
    }

    pub fn fd_flags(&mut self, fd: u32) -> Result<u32, Fail> {
        Ok(self.fdstat(fd)?.1)
    }

    fn filestat(&mut self, fd: u32) -> Result<Filestat, Fail> {
        let mut stat = Filestat([0; FILESTAT_BYTES]);
        let call = self.api.calls.fd_filestat_get;
        self.call(call, &mut stat.0, &[fd.into(), 0u32.into()])?;
        Ok(stat)
    }

    fn path_filestat(
        &mut self,
        fd: u32,
        flags: types::PathFlags,
        path: &str,
    ) -> Result<Filestat, Fail> {
        let mut memory = vec![0; FILESTAT_BYTES];
        memory.extend_from_slice(path.as_bytes());
        let args: [bx_raw; 5] = [
            fd.into(),
            follow(flags).into(),
            (FILESTAT_BYTES as u32).into(),
            (path.len() as u32).into(),
            0u32.into(),
        ];
        self.call(self.api.calls.path_filestat_get, &mut memory, &args)?;
        memory.truncate(FILESTAT_BYTES);
        Ok(Filestat(memory.try_into().unwrap()))
    }

    /// A call of one descriptor and one path.
    fn path_call(
        &mut self,
        call: crate::host::bx_host_fn,
        fd: u32,
        path: &str,
    ) -> Result<(), Fail> {
        let mut memory = path.as_bytes().to_vec();
        let args: [bx_raw; 3] = [fd.into(), 0u32.into(), (path.len() as u32).into()];
        self.call(call, &mut memory, &args)
    }

    /// Two paths, one behind the other.
    fn two_paths(one: &str, two: &str) -> (Vec<u8>, [bx_raw; 4]) {
        let mut memory = one.as_bytes().to_vec();
        memory.extend_from_slice(two.as_bytes());
        let len = one.len() as u32;
        let args = [
            0u32.into(),
            len.into(),
            len.into(),
            (two.len() as u32).into(),
        ];
        (memory, args)
    }

    fn open(
        &mut self,
        fd: u32,
        follow: u32,
        path: &str,
        oflags: u32,
        rights: u64,
        fdflags: u32,
    ) -> Result<u32, Fail> {
        let mut memory = vec![0; 4];
        memory.extend_from_slice(path.as_bytes());
        let args: [bx_raw; 9] = [
            fd.into(),
            follow.into(),
            4u32.into(),
            (path.len() as u32).into(),
            oflags.into(),
            rights.into(),
            RIGHTS_ALL.into(),
            fdflags.into(),
            0u32.into(),
        ];
        self.call(self.api.calls.path_open, &mut memory, &args)?;
        let opened = u32::from_le_bytes(memory[..4].try_into().unwrap());
        self.hold(opened);
        Ok(opened)
    }

    fn times(
        &self,
        atim: types::NewTimestamp,
        mtim: types::NewTimestamp,
    ) -> Result<(u64, u64, u32), Fail> {
        let one = |time: types::NewTimestamp, set: u32| match time {
            types::NewTimestamp::NoChange => Ok((0, 0)),
            types::NewTimestamp::Now => Ok((0, set << 1)),
            types::NewTimestamp::Timestamp(time) => time
                .seconds
                .checked_mul(1_000_000_000)
                .and_then(|ns| ns.checked_add(time.nanoseconds.into()))
                .map(|ns| (ns, set))
                .ok_or(Fail::Errno(61)), // EOVERFLOW
        };
        let (atim, atim_flags) = one(atim, 1)?;
        let (mtim, mtim_flags) = one(mtim, 4)?;
        Ok((atim, mtim, atim_flags | mtim_flags))
    }

    /// The next entry's (name, filetype) of a listing; None at its end.
    fn next_entry(&mut self, listing: &mut Listing) -> Result<Option<(Vec<u8>, u8)>, Fail> {
        loop {
            let rest = &listing.buffer[listing.at..];
            if rest.len() >= 24 {
                let name_len = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
                if rest.len() >= 24 + name_len {
                    listing.cookie = u64::from_le_bytes(rest[..8].try_into().unwrap());
                    let entry = (rest[24..24 + name_len].to_vec(), rest[20]);
                    listing.at += 24 + name_len;
                    if entry.0 == b"." || entry.0 == b".." {
                        continue;
                    }
                    return Ok(Some(entry));
                }
            }
            if listing.is_last {
                return Ok(None);
            }
            let mut memory = vec![0; LIST_BYTES + 4];
            let args: [bx_raw; 5] = [
                listing.fd.into(),
                4u32.into(),
                (LIST_BYTES as u32).into(),
                listing.cookie.into(),
                0u32.into(),
            ];
            self.call(self.api.calls.fd_readdir, &mut memory, &args)?;
            let used = u32::from_le_bytes(memory[..4].try_into().unwrap()) as usize;
            listing.is_last = used < LIST_BYTES;
            memory.truncate(4 + used.min(LIST_BYTES));
            listing.buffer = memory;
            listing.at = 4;
        }
    }
}

fn follow(flags: types::PathFlags) -> u32 {
    flags.contains(types::PathFlags::SYMLINK_FOLLOW).into()
}

impl preopens::Host for Host {
    fn get_directories(&mut self) -> Result<Vec<(Resource<types::Descriptor>, String)>> {
        let mut list = Vec::new();
        self.enter()?;
        for fd in 3u32.. {
            let mut memory = vec![0; PATH_BYTES + 8];
            let prestat = self.api.calls.fd_prestat_get;
            match self.call(prestat, &mut memory, &[fd.into(), 0u32.into()]) {
                Ok(()) => {}
                Err(Fail::Trap(error)) => return Err(error),
                Err(Fail::Errno(_)) => break, // the first that is none is the last
            }
            let len = u32::from_le_bytes(memory[4..8].try_into().unwrap()) as usize;
            memory.resize(len, 0);
            let args: [bx_raw; 3] = [fd.into(), 0u32.into(), (len as u32).into()];
            match self.call(self.api.calls.fd_prestat_dir_name, &mut memory, &args) {
                Ok(()) => {}
                Err(Fail::Trap(error)) => return Err(error),
                Err(Fail::Errno(_)) => break,
            }
            self.hold(fd);
            // One that is asked for twice stays open when it is dropped once.
            self.hold(fd);
            let name = String::from_utf8_lossy(&memory).into_owned();
            list.push((self.push(Entry::Descriptor(fd))?, name));
        }
        Ok(list)
    }
}

impl types::Host for Host {
    fn convert_error_code(&mut self, error: FsError) -> Result<ErrorCode> {
        Ok(error.downcast()?.into())
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<streams::Error>,
    ) -> Result<Option<ErrorCode>> {
        self.enter()?;
        Ok(match self.get(&error)? {
            Entry::IoError(IoError::Errno(errno)) => Some(error_code(*errno)),
            _ => None,
        })
    }
}

impl types::HostDescriptor for Host {
    fn read_via_stream(
        &mut self,
        descriptor: Descriptor,
        offset: u64,
    ) -> FsResult<Resource<streams::InputStream>> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let (filetype, _, rights) = self.fdstat(fd).map_err(fs_error)?;
        if filetype == FILETYPE_DIRECTORY {
            return Err(base::ErrorCode::IsDirectory.into());
        }
        if rights & FD_READ == 0 {
            return Err(base::ErrorCode::BadDescriptor.into());
        }
        self.hold(fd);
        self.push(Entry::Input(Input::File { fd, at: offset }))
            .map_err(FsError::trap)
    }

    fn write_via_stream(
        &mut self,
        descriptor: Descriptor,
        offset: u64,
    ) -> FsResult<Resource<streams::OutputStream>> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let (_, _, rights) = self.fdstat(fd).map_err(fs_error)?;
        if rights & FD_WRITE == 0 {
            return Err(base::ErrorCode::BadDescriptor.into());
        }
        self.hold(fd);
        self.push(Entry::Output(Output::File { fd, at: offset }))
            .map_err(FsError::trap)
    }

    fn append_via_stream(
        &mut self,
        descriptor: Descriptor,
    ) -> FsResult<Resource<streams::OutputStream>> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let (_, _, rights) = self.fdstat(fd).map_err(fs_error)?;
        if rights & FD_WRITE == 0 {
            return Err(base::ErrorCode::BadDescriptor.into());
        }
        self.hold(fd);
        self.push(Entry::Output(Output::Append { fd }))
            .map_err(FsError::trap)
    }

    fn advise(
        &mut self,
        descriptor: Descriptor,
        offset: u64,
        len: u64,
        advice: types::Advice,
    ) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let advice: u32 = match advice {
            types::Advice::Normal => 0,
            types::Advice::Sequential => 1,
            types::Advice::Random => 2,
            types::Advice::WillNeed => 3,
            types::Advice::DontNeed => 4,
            types::Advice::NoReuse => 5,
        };
        let args: [bx_raw; 4] = [fd.into(), offset.into(), len.into(), advice.into()];
        self.call(self.api.calls.fd_advise, &mut [], &args)
            .map_err(fs_error)
    }

    fn sync_data(&mut self, descriptor: Descriptor) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        self.call(self.api.calls.fd_datasync, &mut [], &[fd.into()])
            .map_err(fs_error)
    }

    fn sync(&mut self, descriptor: Descriptor) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        self.call(self.api.calls.fd_sync, &mut [], &[fd.into()])
            .map_err(fs_error)
    }

    fn get_flags(&mut self, descriptor: Descriptor) -> FsResult<types::DescriptorFlags> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let (filetype, fdflags, rights) = self.fdstat(fd).map_err(fs_error)?;
        let mut flags = types::DescriptorFlags::empty();
        if filetype == FILETYPE_DIRECTORY {
            flags |= types::DescriptorFlags::READ;
            if rights & RIGHTS_DIR != 0 {
                flags |= types::DescriptorFlags::MUTATE_DIRECTORY;
            }
        } else {
            if rights & FD_READ != 0 {
                flags |= types::DescriptorFlags::READ;
            }
            if rights & FD_WRITE != 0 {
                flags |= types::DescriptorFlags::WRITE;
            }
        }
        if fdflags & FDFLAG_SYNC != 0 {
            flags |= types::DescriptorFlags::FILE_INTEGRITY_SYNC;
        }
        if fdflags & FDFLAG_DSYNC != 0 {
            flags |= types::DescriptorFlags::DATA_INTEGRITY_SYNC;
        }
        if fdflags & FDFLAG_RSYNC != 0 {
            flags |= types::DescriptorFlags::REQUESTED_WRITE_SYNC;
        }
        Ok(flags)
    }

    fn get_type(&mut self, descriptor: Descriptor) -> FsResult<types::DescriptorType> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        Ok(file_type(self.fdstat(fd).map_err(fs_error)?.0))
    }

    fn set_size(&mut self, descriptor: Descriptor, size: u64) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let args: [bx_raw; 2] = [fd.into(), size.into()];
        self.call(self.api.calls.fd_filestat_set_size, &mut [], &args)
            .map_err(fs_error)
    }

    fn set_times(
        &mut self,
        descriptor: Descriptor,
        atim: types::NewTimestamp,
        mtim: types::NewTimestamp,
    ) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let (atim, mtim, flags) = self.times(atim, mtim).map_err(fs_error)?;
        let args: [bx_raw; 4] = [fd.into(), atim.into(), mtim.into(), flags.into()];
        self.call(self.api.calls.fd_filestat_set_times, &mut [], &args)
            .map_err(fs_error)
    }

    fn read(&mut self, descriptor: Descriptor, len: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let bytes = self.read_fd(fd, len, Some(offset)).map_err(fs_error)?;
        let is_end = bytes.is_empty() && len > 0;
        Ok((bytes, is_end))
    }

    fn write(&mut self, descriptor: Descriptor, mut bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let done = self
            .write_fd(fd, &mut bytes, 0, Some(offset))
            .map_err(fs_error)?;
        Ok(done as u64)
    }

    fn read_directory(
        &mut self,
        descriptor: Descriptor,
    ) -> FsResult<Resource<types::DirectoryEntryStream>> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        if self.fdstat(fd).map_err(fs_error)?.0 != FILETYPE_DIRECTORY {
            return Err(base::ErrorCode::NotDirectory.into());
        }
        self.hold(fd);
        self.push(Entry::Directory(Listing {
            fd,
            cookie: 0,
            buffer: Vec::new(),
            at: 0,
            is_last: false,
        }))
        .map_err(FsError::trap)
    }

    fn create_directory_at(&mut self, descriptor: Descriptor, path: String) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        self.path_call(self.api.calls.path_create_directory, fd, &path)
            .map_err(fs_error)
    }

    fn stat(&mut self, descriptor: Descriptor) -> FsResult<types::DescriptorStat> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        Ok(self.filestat(fd).map_err(fs_error)?.stat())
    }

    fn stat_at(
        &mut self,
        descriptor: Descriptor,
        flags: types::PathFlags,
        path: String,
    ) -> FsResult<types::DescriptorStat> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        Ok(self
            .path_filestat(fd, flags, &path)
            .map_err(fs_error)?
            .stat())
    }

    fn set_times_at(
        &mut self,
        descriptor: Descriptor,
        flags: types::PathFlags,
        path: String,
        atim: types::NewTimestamp,
        mtim: types::NewTimestamp,
    ) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let (atim, mtim, times) = self.times(atim, mtim).map_err(fs_error)?;
        let mut memory = path.into_bytes();
        let args: [bx_raw; 7] = [
            fd.into(),
            follow(flags).into(),
            0u32.into(),
            (memory.len() as u32).into(),
            atim.into(),
            mtim.into(),
            times.into(),
        ];
        self.call(self.api.calls.path_filestat_set_times, &mut memory, &args)
            .map_err(fs_error)
    }

    fn link_at(
        &mut self,
        descriptor: Descriptor,
        flags: types::PathFlags,
        old_path: String,
        new_descriptor: Descriptor,
        new_path: String,
    ) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let new_fd = self.fd(&new_descriptor).map_err(fs_error)?;
        let (mut memory, [old, old_len, new, new_len]) = Self::two_paths(&old_path, &new_path);
        let args: [bx_raw; 7] = [
            fd.into(),
            follow(flags).into(),
            old,
            old_len,
            new_fd.into(),
            new,
            new_len,
        ];
        self.call(self.api.calls.path_link, &mut memory, &args)
            .map_err(fs_error)
    }

    fn open_at(
        &mut self,
        descriptor: Descriptor,
        path_flags: types::PathFlags,
        path: String,
        open_flags: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> FsResult<Resource<types::Descriptor>> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let mut oflags = 0u32;
        let mut fdflags = 0u32;
        let mut rights = 0u64;

        for (flag, bit) in [
            (types::OpenFlags::CREATE, 1),
            (types::OpenFlags::DIRECTORY, 2),
            (types::OpenFlags::EXCLUSIVE, 4),
            (types::OpenFlags::TRUNCATE, 8),
        ] {
            if open_flags.contains(flag) {
                oflags |= bit;
            }
        }
        for (flag, bit) in [
            (types::DescriptorFlags::FILE_INTEGRITY_SYNC, FDFLAG_SYNC),
            (types::DescriptorFlags::DATA_INTEGRITY_SYNC, FDFLAG_DSYNC),
            (types::DescriptorFlags::REQUESTED_WRITE_SYNC, FDFLAG_RSYNC),
        ] {
            if flags.contains(flag) {
                fdflags |= bit;
            }
        }
        for (flag, bits) in [
            (types::DescriptorFlags::READ, RIGHTS_READ),
            (types::DescriptorFlags::WRITE, RIGHTS_WRITE),
            (types::DescriptorFlags::MUTATE_DIRECTORY, RIGHTS_DIR),
        ] {
            if flags.contains(flag) {
                rights |= bits;
            }
        }
        if open_flags.contains(types::OpenFlags::DIRECTORY) {
            // Libraries open a folder to read and remove what is in it: it has
            // what its parent hands on, and no more.
            rights |= RIGHTS_DIR;
        }
        let opened = self
            .open(fd, follow(path_flags), &path, oflags, rights, fdflags)
            .map_err(fs_error)?;
        self.push(Entry::Descriptor(opened)).map_err(FsError::trap)
    }

    fn readlink_at(&mut self, descriptor: Descriptor, path: String) -> FsResult<String> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let mut memory = vec![0; PATH_BYTES + 4];
        memory.extend_from_slice(path.as_bytes());
        let args: [bx_raw; 6] = [
            fd.into(),
            ((PATH_BYTES + 4) as u32).into(),
            (path.len() as u32).into(),
            4u32.into(),
            (PATH_BYTES as u32).into(),
            0u32.into(),
        ];
        self.call(self.api.calls.path_readlink, &mut memory, &args)
            .map_err(fs_error)?;
        let used = u32::from_le_bytes(memory[..4].try_into().unwrap()) as usize;
        String::from_utf8(memory[4..4 + used.min(PATH_BYTES)].to_vec())
            .map_err(|_| base::ErrorCode::IllegalByteSequence.into())
    }

    fn remove_directory_at(&mut self, descriptor: Descriptor, path: String) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        self.path_call(self.api.calls.path_remove_directory, fd, &path)
            .map_err(fs_error)
    }

    fn rename_at(
        &mut self,
        descriptor: Descriptor,
        old_path: String,
        new_descriptor: Descriptor,
        new_path: String,
    ) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let new_fd = self.fd(&new_descriptor).map_err(fs_error)?;
        let (mut memory, [old, old_len, new, new_len]) = Self::two_paths(&old_path, &new_path);
        let args: [bx_raw; 6] = [fd.into(), old, old_len, new_fd.into(), new, new_len];
        self.call(self.api.calls.path_rename, &mut memory, &args)
            .map_err(fs_error)
    }

    fn symlink_at(
        &mut self,
        descriptor: Descriptor,
        old_path: String,
        new_path: String,
    ) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        let (mut memory, [old, old_len, new, new_len]) = Self::two_paths(&old_path, &new_path);
        let args: [bx_raw; 5] = [old, old_len, fd.into(), new, new_len];
        self.call(self.api.calls.path_symlink, &mut memory, &args)
            .map_err(fs_error)
    }

    fn unlink_file_at(&mut self, descriptor: Descriptor, path: String) -> FsResult<()> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        self.path_call(self.api.calls.path_unlink_file, fd, &path)
            .map_err(fs_error)
    }

    fn is_same_object(&mut self, one: Descriptor, other: Descriptor) -> Result<bool> {
        let stat = |host: &mut Host, descriptor: &Descriptor| {
            let fd = host.fd(descriptor)?;
            host.filestat(fd)
        };
        match (stat(self, &one), stat(self, &other)) {
            (Ok(one), Ok(other)) => Ok(one.0[..16] == other.0[..16]),
            (Err(Fail::Trap(error)), _) | (_, Err(Fail::Trap(error))) => Err(error),
            _ => Ok(false),
        }
    }

    fn metadata_hash(&mut self, descriptor: Descriptor) -> FsResult<types::MetadataHashValue> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        Ok(self.filestat(fd).map_err(fs_error)?.hash())
    }

    fn metadata_hash_at(
        &mut self,
        descriptor: Descriptor,
        flags: types::PathFlags,
        path: String,
    ) -> FsResult<types::MetadataHashValue> {
        let fd = self.fd(&descriptor).map_err(fs_error)?;
        Ok(self
            .path_filestat(fd, flags, &path)
            .map_err(fs_error)?
            .hash())
    }

    fn drop(&mut self, descriptor: Descriptor) -> Result<()> {
        self.remove(descriptor)
    }
}

impl types::HostDirectoryEntryStream for Host {
    fn read_directory_entry(
        &mut self,
        stream: Resource<types::DirectoryEntryStream>,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        let Entry::Directory(listing) = self.get(&stream).map_err(FsError::trap)? else {
            return Err(FsError::trap(Error::msg("not a listing")));
        };
        // Out of the table while preview1 is called.
        let mut taken = Listing {
            fd: listing.fd,
            cookie: listing.cookie,
            buffer: std::mem::take(&mut listing.buffer),
            at: listing.at,
            is_last: listing.is_last,
        };
        let next = self.next_entry(&mut taken);
        if let Entry::Directory(listing) = self.get(&stream).map_err(FsError::trap)? {
            *listing = taken;
        }
        match next.map_err(fs_error)? {
            None => Ok(None),
            Some((name, filetype)) => Ok(Some(types::DirectoryEntry {
                type_: file_type(filetype),
                name: String::from_utf8(name).map_err(|_| base::ErrorCode::IllegalByteSequence)?,
            })),
        }
    }

    fn drop(&mut self, stream: Resource<types::DirectoryEntryStream>) -> Result<()> {
        self.remove(stream)
    }
}
