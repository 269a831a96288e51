//! WASI 0.2 over the preview1 functions and the network of C. The interfaces'
//! types and linker glue are wasmtime-wasi's; every implementation is here.

pub mod cli;
pub mod fs;
pub mod http;
pub mod io;
pub mod sockets;

use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::p2::bindings::{self, sync};

use crate::host::Host;

pub fn add_to_linker(linker: &mut Linker<Host>) -> Result<()> {
    macro_rules! add {
        ($($path:path),* $(,)?) => {
            $( { use $path as interface;
                 interface::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?; } )*
        };
    }
    add!(
        sync::io::error,
        sync::io::poll,
        sync::io::streams,
        bindings::clocks::monotonic_clock,
        bindings::clocks::wall_clock,
        bindings::random::random,
        bindings::random::insecure,
        bindings::random::insecure_seed,
        bindings::cli::environment,
        bindings::cli::exit,
        bindings::cli::stdin,
        bindings::cli::stdout,
        bindings::cli::stderr,
        bindings::cli::terminal_input,
        bindings::cli::terminal_output,
        bindings::cli::terminal_stdin,
        bindings::cli::terminal_stdout,
        bindings::cli::terminal_stderr,
        bindings::filesystem::preopens,
        sync::filesystem::types,
        bindings::sockets::instance_network,
        bindings::sockets::ip_name_lookup,
        bindings::sockets::tcp_create_socket,
        sync::sockets::tcp,
        sync::sockets::udp,
        sync::sockets::udp_create_socket,
        wasmtime_wasi_http::p2::bindings::http::outgoing_handler,
    );
    let options = sync::LinkOptions::default();
    bindings::sockets::network::add_to_linker::<Host, HasSelf<Host>>(
        linker,
        &(&options).into(),
        |host| host,
    )?;
    wasmtime_wasi_http::p2::bindings::http::types::add_to_linker::<Host, HasSelf<Host>>(
        linker,
        &(&wasmtime_wasi_http::p2::bindings::LinkOptions::default()).into(),
        |host| host,
    )
}
