//! wasi:cli, wasi:clocks and wasi:random on the same preview1 calls.

use wasmtime::component::Resource;
use wasmtime::{Error, Result};
use wasmtime_wasi::p2::bindings::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};

use crate::host::{Entry, Fail, HOST_EXIT, Host, bx_host_fn, bx_raw};
use crate::wasi::io::{Input, Output, Pollable};

const CLOCK_REALTIME: u32 = 0;
const CLOCK_MONOTONIC: u32 = 1;
const CHARACTER_DEVICE: u8 = 2;
/// One answer of random; the guest's own memory has to hold it too.
const RANDOM_BYTES_MAX: u64 = 16 << 20;

fn error(fail: Fail) -> Error {
    match fail {
        Fail::Trap(error) => error,
        Fail::Errno(errno) => Error::msg(format!("the host failed: WASI errno {errno}")),
    }
}

impl Host {
    fn clock(&mut self, call: bx_host_fn, clock: u32) -> Result<u64> {
        let mut memory = [0; 8];
        let args: [bx_raw; 3] = [clock.into(), 0u64.into(), 0u32.into()];
        self.call(call, &mut memory, &args).map_err(error)?;
        Ok(u64::from_le_bytes(memory))
    }

    pub fn monotonic_now(&mut self) -> Result<u64> {
        self.clock(self.api.calls.clock_time_get, CLOCK_MONOTONIC)
    }

    /// poll_oneoff with one clock: in a deterministic run, time passes.
    pub fn sleep_virtually(&mut self, ns: u64) -> Result<()> {
        let mut memory = [0; 48 + 32 + 4];
        memory[16..20].copy_from_slice(&CLOCK_MONOTONIC.to_le_bytes());
        memory[24..32].copy_from_slice(&ns.to_le_bytes());
        let args: [bx_raw; 4] = [0u32.into(), 48u32.into(), 1u32.into(), 80u32.into()];
        self.call(self.api.calls.poll_oneoff, &mut memory, &args)
            .map_err(error)
    }

    fn random(&mut self, len: u64) -> Result<Vec<u8>> {
        if len > RANDOM_BYTES_MAX {
            return Err(Error::msg(format!(
                "{len} random bytes at once; at most {RANDOM_BYTES_MAX} are given"
            )));
        }
        let mut bytes = vec![0; len as usize];
        let args: [bx_raw; 2] = [0u32.into(), (len as u32).into()];
        self.call(self.api.calls.random_get, &mut bytes, &args)
            .map_err(error)?;
        Ok(bytes)
    }

    fn random_u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.random(8)?.try_into().unwrap()))
    }

    /// args_get or environ_get.
    fn words(&mut self, sizes_get: bx_host_fn, get: bx_host_fn) -> Result<Vec<String>> {
        let mut sizes = [0; 8];
        self.call(sizes_get, &mut sizes, &[0u32.into(), 4u32.into()])
            .map_err(error)?;
        let count = u32::from_le_bytes(sizes[..4].try_into().unwrap()) as usize;
        let bytes = u32::from_le_bytes(sizes[4..].try_into().unwrap()) as usize;
        let mut memory = vec![0; count * 4 + bytes];
        let args: [bx_raw; 2] = [0u32.into(), ((count * 4) as u32).into()];
        self.call(get, &mut memory, &args).map_err(error)?;
        Ok(memory[count * 4..]
            .split(|byte| *byte == 0)
            .take(count)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect())
    }

    fn is_terminal(&mut self, fd: u32) -> Result<bool> {
        let mut memory = [0; 24];
        let call = self.api.calls.fd_fdstat_get;
        match self.call(call, &mut memory, &[fd.into(), 0u32.into()]) {
            Ok(()) => Ok(memory[0] == CHARACTER_DEVICE),
            Err(Fail::Errno(_)) => Ok(false),
            Err(Fail::Trap(error)) => Err(error),
        }
    }

    fn terminal<T: 'static>(&mut self, fd: u32) -> Result<Option<Resource<T>>> {
        if !self.is_terminal(fd)? {
            return Ok(None);
        }
        Ok(Some(self.push(Entry::Token)?))
    }

    fn leave(&mut self, code: u32) -> Result<()> {
        self.enter()?;
        self.exit_code = code;
        Err(self.end(HOST_EXIT))
    }
}

impl environment::Host for Host {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        let calls = self.api.calls;
        let words = self.words(calls.environ_sizes_get, calls.environ_get)?;
        Ok(words
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        let calls = self.api.calls;
        self.words(calls.args_sizes_get, calls.args_get)
    }

    /// As for core modules, PWD says it when the policy sets that.
    fn initial_cwd(&mut self) -> Result<Option<String>> {
        let environment = environment::Host::get_environment(self)?;
        Ok(environment
            .into_iter()
            .find(|(name, _)| name == "PWD")
            .map(|(_, value)| value))
    }
}

impl exit::Host for Host {
    fn exit(&mut self, status: Result<(), ()>) -> Result<()> {
        self.leave(status.is_err().into())
    }

    fn exit_with_code(&mut self, code: u8) -> Result<()> {
        self.leave(code.into())
    }
}

impl stdin::Host for Host {
    fn get_stdin(&mut self) -> Result<Resource<streams::InputStream>> {
        self.enter()?;
        self.push(Entry::Input(Input::Stdin { fd: 0 }))
    }
}

impl stdout::Host for Host {
    fn get_stdout(&mut self) -> Result<Resource<streams::OutputStream>> {
        self.enter()?;
        self.push(Entry::Output(Output::Stdout { fd: 1 }))
    }
}

impl stderr::Host for Host {
    fn get_stderr(&mut self) -> Result<Resource<streams::OutputStream>> {
        self.enter()?;
        self.push(Entry::Output(Output::Stdout { fd: 2 }))
    }
}

impl terminal_input::Host for Host {}
impl terminal_input::HostTerminalInput for Host {
    fn drop(&mut self, terminal: Resource<terminal_input::TerminalInput>) -> Result<()> {
        self.remove(terminal)
    }
}

impl terminal_output::Host for Host {}
impl terminal_output::HostTerminalOutput for Host {
    fn drop(&mut self, terminal: Resource<terminal_output::TerminalOutput>) -> Result<()> {
        self.remove(terminal)
    }
}

impl terminal_stdin::Host for Host {
    fn get_terminal_stdin(&mut self) -> Result<Option<Resource<terminal_stdin::TerminalInput>>> {
        self.terminal(0)
    }
}

impl terminal_stdout::Host for Host {
    fn get_terminal_stdout(&mut self) -> Result<Option<Resource<terminal_stdout::TerminalOutput>>> {
        self.terminal(1)
    }
}

impl terminal_stderr::Host for Host {
    fn get_terminal_stderr(&mut self) -> Result<Option<Resource<terminal_stderr::TerminalOutput>>> {
        self.terminal(2)
    }
}

impl monotonic_clock::Host for Host {
    fn now(&mut self) -> Result<u64> {
        self.monotonic_now()
    }

    fn resolution(&mut self) -> Result<u64> {
        self.clock_resolution(CLOCK_MONOTONIC)
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<poll::Pollable>> {
        self.subscribe_to(Pollable::Clock(when))
    }

    fn subscribe_duration(&mut self, ns: u64) -> Result<Resource<poll::Pollable>> {
        let when = self.monotonic_now()?.saturating_add(ns);
        self.subscribe_to(Pollable::Clock(when))
    }
}

impl Host {
    fn clock_resolution(&mut self, clock: u32) -> Result<u64> {
        let mut memory = [0; 8];
        let call = self.api.calls.clock_res_get;
        self.call(call, &mut memory, &[clock.into(), 0u32.into()])
            .map_err(error)?;
        Ok(u64::from_le_bytes(memory))
    }
}

fn datetime(ns: u64) -> wall_clock::Datetime {
    wall_clock::Datetime {
        seconds: ns / 1_000_000_000,
        nanoseconds: (ns % 1_000_000_000) as u32,
    }
}

impl wall_clock::Host for Host {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        let ns = self.clock(self.api.calls.clock_time_get, CLOCK_REALTIME)?;
        Ok(datetime(ns))
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        Ok(datetime(self.clock_resolution(CLOCK_REALTIME)?))
    }
}

impl random::Host for Host {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random(len)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        self.random_u64()
    }
}

impl insecure::Host for Host {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random(len)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        self.random_u64()
    }
}

impl insecure_seed::Host for Host {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.random_u64()?, self.random_u64()?))
    }
}
