//! wasi:sockets on src/net/socket_host.c, which holds each name and address
//! against the policy. Outbound only: bind to a fixed place, listen and accept
//! are refused.

use wasmtime::component::Resource;
use wasmtime::{Error, Result};
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
    Network,
};
use wasmtime_wasi::p2::bindings::sockets::{
    instance_network, ip_name_lookup, network, tcp_create_socket,
};
use wasmtime_wasi::p2::bindings::sync::io::{error, poll, streams};
use wasmtime_wasi::p2::bindings::sync::sockets::{tcp, udp, udp_create_socket};
use wasmtime_wasi::p2::{SocketError, StreamError, StreamResult};

use crate::host::{Entry, HOST_STOP, Host, POLLIN, POLLOUT, bx_endpoint, bx_text};
use crate::wasi::io::{FailureKind, Input, IoError, Output, Pollable, failed};

type TcpSocket = Resource<tcp::TcpSocket>;
type UdpSocket = Resource<udp::UdpSocket>;
type SocketResult<T> = Result<T, SocketError>;

const ADDRESSES_MAX: usize = 64;
const DATAGRAM_BYTES: usize = 65536;
const DATAGRAMS_MAX: u64 = 16;
/// C's negative errnos, Linux.
const EAGAIN: i64 = -11;
const EINPROGRESS: i32 = -115;
const STOPPED: i64 = i32::MIN as i64;

/// src/net/socket_host.h, bx_socket_option.
const KEEP_ALIVE: i32 = 0;
const KEEP_ALIVE_IDLE_S: i32 = 1;
const KEEP_ALIVE_INTERVAL_S: i32 = 2;
const KEEP_ALIVE_COUNT: i32 = 3;
const HOP_LIMIT: i32 = 4;
const RECEIVE_BUFFER: i32 = 5;
const SEND_BUFFER: i32 = 6;

const NS_PER_S: u64 = 1_000_000_000;

#[derive(Clone, Copy, PartialEq)]
pub enum State {
    New,
    Binding,
    Bound,
    Connecting,
    Connected,
    Closed,
}

#[derive(Clone, Copy)]
pub struct Tcp {
    pub handle: i32,
    is_ipv6: bool,
    state: State,
}

#[derive(Clone, Copy)]
pub struct Udp {
    pub handle: i32,
    is_ipv6: bool,
    state: State,
}

/// From an errno of Linux, positive.
pub fn error_code(errnum: i32) -> ErrorCode {
    match errnum {
        1 | 13 => ErrorCode::AccessDenied,
        11 => ErrorCode::WouldBlock,
        12 | 105 => ErrorCode::OutOfMemory,
        22 | 97 => ErrorCode::InvalidArgument,
        23 | 24 => ErrorCode::NewSocketLimit,
        2 => ErrorCode::NameUnresolvable,
        9 | 32 | 106 | 107 => ErrorCode::InvalidState,
        90 => ErrorCode::DatagramTooLarge,
        92 | 95 => ErrorCode::NotSupported,
        98 => ErrorCode::AddressInUse,
        99 => ErrorCode::AddressNotBindable,
        100 | 101 | 112 | 113 => ErrorCode::RemoteUnreachable,
        103 => ErrorCode::ConnectionAborted,
        104 => ErrorCode::ConnectionReset,
        110 => ErrorCode::Timeout,
        111 => ErrorCode::ConnectionRefused,
        114 | 115 => ErrorCode::WouldBlock,
        121 => ErrorCode::TemporaryResolverFailure,
        _ => ErrorCode::Unknown,
    }
}

fn code(code: ErrorCode) -> SocketError {
    code.into()
}

fn endpoint(address: IpSocketAddress) -> bx_endpoint {
    let mut endpoint = bx_endpoint::default();
    match address {
        IpSocketAddress::Ipv4(v4) => {
            let (a, b, c, d) = v4.address;
            endpoint.address[10..].copy_from_slice(&[255, 255, a, b, c, d]);
            endpoint.port = v4.port;
        }
        IpSocketAddress::Ipv6(v6) => {
            let (a, b, c, d, e, f, g, h) = v6.address;
            for (i, part) in [a, b, c, d, e, f, g, h].into_iter().enumerate() {
                endpoint.address[2 * i..2 * i + 2].copy_from_slice(&part.to_be_bytes());
            }
            endpoint.port = v6.port;
            endpoint.is_ipv6 = true;
        }
    }
    endpoint
}

fn ip_address(endpoint: &bx_endpoint) -> IpAddress {
    let a = &endpoint.address;
    if endpoint.is_ipv6 {
        let part = |i: usize| u16::from_be_bytes([a[2 * i], a[2 * i + 1]]);
        IpAddress::Ipv6((
            part(0),
            part(1),
            part(2),
            part(3),
            part(4),
            part(5),
            part(6),
            part(7),
        ))
    } else {
        IpAddress::Ipv4((a[12], a[13], a[14], a[15]))
    }
}

fn socket_address(endpoint: &bx_endpoint) -> IpSocketAddress {
    match ip_address(endpoint) {
        IpAddress::Ipv4(address) => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: endpoint.port,
            address,
        }),
        IpAddress::Ipv6(address) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: endpoint.port,
            flow_info: 0,
            address,
            scope_id: 0,
        }),
    }
}

// SAFETY, for every call of api.c here: the context is this instance's, buffers
// are slices of ours, and C answers EBADF to handles it does not know.
impl Host {
    /// An answer of C's: a negative errno, or STOPPED, since HOST_STOP is one.
    fn socket_answer(&mut self, answer: i64) -> SocketResult<i64> {
        if answer >= 0 {
            return Ok(answer);
        }
        if answer == STOPPED {
            return Err(SocketError::trap(self.end(HOST_STOP)));
        }
        Err(code(error_code(-answer as i32)))
    }

    fn open_socket(&mut self, is_udp: bool, family: IpAddressFamily) -> SocketResult<i32> {
        self.enter().map_err(SocketError::trap)?;
        let is_ipv6 = family == IpAddressFamily::Ipv6;
        let answer = unsafe { (self.api.c.socket_open)(self.context, is_udp, is_ipv6) };
        let handle = self.socket_answer(answer.into())? as i32;
        self.hold_socket(handle);
        Ok(handle)
    }

    fn tcp(&mut self, socket: &TcpSocket) -> SocketResult<&mut Tcp> {
        self.enter().map_err(SocketError::trap)?;
        match self.get(socket).map_err(SocketError::trap)? {
            Entry::Tcp(tcp) => Ok(tcp),
            _ => Err(SocketError::trap(Error::msg("not a TCP socket"))),
        }
    }

    fn udp(&mut self, socket: &UdpSocket) -> SocketResult<&mut Udp> {
        self.enter().map_err(SocketError::trap)?;
        match self.get(socket).map_err(SocketError::trap)? {
            Entry::Udp(udp) => Ok(udp),
            _ => Err(SocketError::trap(Error::msg("not a UDP socket"))),
        }
    }

    fn bind(&mut self, handle: i32, is_ipv6: bool, local: IpSocketAddress) -> SocketResult<()> {
        let local = endpoint(local);
        if local.is_ipv6 != is_ipv6 {
            return Err(code(ErrorCode::InvalidArgument));
        }
        let answer = unsafe { (self.api.c.socket_bind)(self.context, handle, &local) };
        self.socket_answer(answer.into()).map(|_| ())
    }

    fn name(&mut self, handle: i32, is_remote: bool) -> SocketResult<IpSocketAddress> {
        let mut found = bx_endpoint::default();
        let answer =
            unsafe { (self.api.c.socket_name)(self.context, handle, is_remote, &mut found) };
        self.socket_answer(answer.into())?;
        Ok(socket_address(&found))
    }

    fn option(&mut self, handle: i32, option: i32) -> SocketResult<u64> {
        let mut value = 0;
        let answer = unsafe { (self.api.c.socket_get)(self.context, handle, option, &mut value) };
        self.socket_answer(answer.into())?;
        Ok(value)
    }

    fn set_option(&mut self, handle: i32, option: i32, value: u64) -> SocketResult<()> {
        if value == 0 && option != KEEP_ALIVE {
            return Err(code(ErrorCode::InvalidArgument));
        }
        let answer = unsafe { (self.api.c.socket_set)(self.context, handle, option, value) };
        self.socket_answer(answer.into()).map(|_| ())
    }

    fn tcp_option(&mut self, socket: &TcpSocket, option: i32) -> SocketResult<u64> {
        let handle = self.tcp(socket)?.handle;
        self.option(handle, option)
    }

    fn set_tcp_option(&mut self, socket: &TcpSocket, option: i32, value: u64) -> SocketResult<()> {
        let handle = self.tcp(socket)?.handle;
        self.set_option(handle, option, value)
    }

    fn udp_option(&mut self, socket: &UdpSocket, option: i32) -> SocketResult<u64> {
        let handle = self.udp(socket)?.handle;
        self.option(handle, option)
    }

    fn set_udp_option(&mut self, socket: &UdpSocket, option: i32, value: u64) -> SocketResult<()> {
        let handle = self.udp(socket)?.handle;
        self.set_option(handle, option, value)
    }

    // ---- streams of TCP ----

    pub fn receive(&mut self, handle: i32, len: usize, blocking: bool) -> StreamResult<Vec<u8>> {
        let mut bytes = vec![0; len.min(65536)];
        self.enter().map_err(StreamError::Trap)?;
        loop {
            let answer = unsafe {
                (self.api.c.socket_receive)(self.context, handle, bytes.as_mut_ptr(), bytes.len())
            };
            match answer {
                0 if len > 0 => return Err(StreamError::Closed),
                EAGAIN if !blocking => return Ok(Vec::new()),
                EAGAIN => self
                    .block_on(Pollable::Socket {
                        handle,
                        events: POLLIN,
                    })
                    .map_err(StreamError::Trap)?,
                answer if answer < 0 => {
                    return Err(failed(FailureKind::Socket(-answer as i32)));
                }
                answer => {
                    bytes.truncate(answer as usize);
                    return Ok(bytes);
                }
            }
        }
    }

    pub fn send(&mut self, handle: i32, mut bytes: &[u8]) -> StreamResult<()> {
        self.enter().map_err(StreamError::Trap)?;
        while !bytes.is_empty() {
            let answer = unsafe {
                (self.api.c.socket_send)(self.context, handle, bytes.as_ptr(), bytes.len())
            };
            match answer {
                EAGAIN => self
                    .block_on(Pollable::Socket {
                        handle,
                        events: POLLOUT,
                    })
                    .map_err(StreamError::Trap)?,
                -32 => return Err(StreamError::Closed), // EPIPE
                answer if answer < 0 => {
                    return Err(failed(FailureKind::Socket(-answer as i32)));
                }
                answer => bytes = &bytes[(answer as usize).min(bytes.len())..],
            }
        }
        Ok(())
    }
}

impl network::Host for Host {
    fn convert_error_code(&mut self, error: SocketError) -> Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(&mut self, error: Resource<error::Error>) -> Result<Option<ErrorCode>> {
        self.enter()?;
        Ok(match self.get(&error)? {
            Entry::IoError(IoError::Socket(errnum)) => Some(error_code(*errnum)),
            _ => None,
        })
    }
}

impl network::HostNetwork for Host {
    fn drop(&mut self, network: Resource<Network>) -> Result<()> {
        self.remove(network)
    }
}

impl instance_network::Host for Host {
    fn instance_network(&mut self) -> Result<Resource<Network>> {
        self.enter()?;
        self.push(Entry::Token)
    }
}

impl ip_name_lookup::Host for Host {
    fn resolve_addresses(
        &mut self,
        _network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ip_name_lookup::ResolveAddressStream>> {
        let mut found = [bx_endpoint::default(); ADDRESSES_MAX];
        self.enter().map_err(SocketError::trap)?;
        let answer = unsafe {
            (self.api.c.socket_resolve)(
                self.context,
                bx_text::new(name.as_bytes()),
                found.as_mut_ptr(),
                ADDRESSES_MAX,
            )
        };
        let count = self.socket_answer(answer.into())? as usize;
        let names = found[..count.min(ADDRESSES_MAX)].to_vec();
        self.push(Entry::Names(names.into_iter()))
            .map_err(SocketError::trap)
    }
}

impl ip_name_lookup::HostResolveAddressStream for Host {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        self.enter().map_err(SocketError::trap)?;
        match self.get(&stream).map_err(SocketError::trap)? {
            Entry::Names(names) => Ok(names.next().map(|found| ip_address(&found))),
            _ => Err(SocketError::trap(Error::msg("not a lookup"))),
        }
    }

    fn subscribe(
        &mut self,
        _: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> Result<Resource<poll::Pollable>> {
        self.subscribe_to(Pollable::Ready)
    }

    fn drop(&mut self, stream: Resource<ip_name_lookup::ResolveAddressStream>) -> Result<()> {
        self.remove(stream)
    }
}

impl tcp_create_socket::Host for Host {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<TcpSocket> {
        let handle = self.open_socket(false, family)?;
        self.push(Entry::Tcp(Tcp {
            handle,
            is_ipv6: family == IpAddressFamily::Ipv6,
            state: State::New,
        }))
        .map_err(SocketError::trap)
    }
}

impl tcp::Host for Host {}

impl tcp::HostTcpSocket for Host {
    fn start_bind(
        &mut self,
        socket: TcpSocket,
        _network: Resource<Network>,
        local: IpSocketAddress,
    ) -> SocketResult<()> {
        let tcp = *self.tcp(&socket)?;
        if tcp.state != State::New {
            return Err(code(ErrorCode::InvalidState));
        }
        self.bind(tcp.handle, tcp.is_ipv6, local)?;
        self.tcp(&socket)?.state = State::Binding;
        Ok(())
    }

    fn finish_bind(&mut self, socket: TcpSocket) -> SocketResult<()> {
        let tcp = self.tcp(&socket)?;
        if tcp.state != State::Binding {
            return Err(code(ErrorCode::NotInProgress));
        }
        tcp.state = State::Bound;
        Ok(())
    }

    fn start_connect(
        &mut self,
        socket: TcpSocket,
        _network: Resource<Network>,
        remote: IpSocketAddress,
    ) -> SocketResult<()> {
        let tcp = *self.tcp(&socket)?;
        let to = endpoint(remote);
        if !matches!(tcp.state, State::New | State::Bound) {
            return Err(code(ErrorCode::InvalidState));
        }
        if to.is_ipv6 != tcp.is_ipv6 || to.port == 0 {
            return Err(code(ErrorCode::InvalidArgument));
        }
        let answer = unsafe { (self.api.c.socket_connect)(self.context, tcp.handle, &to) };
        if answer != EINPROGRESS {
            if answer < 0 {
                self.tcp(&socket)?.state = State::Closed;
            }
            self.socket_answer(answer.into())?;
        }
        self.tcp(&socket)?.state = State::Connecting;
        Ok(())
    }

    fn finish_connect(
        &mut self,
        socket: TcpSocket,
    ) -> SocketResult<(
        Resource<streams::InputStream>,
        Resource<streams::OutputStream>,
    )> {
        let tcp = *self.tcp(&socket)?;
        if tcp.state != State::Connecting {
            return Err(code(ErrorCode::NotInProgress));
        }
        let answer = unsafe { (self.api.c.socket_finish)(self.context, tcp.handle) };
        if answer == EINPROGRESS {
            return Err(code(ErrorCode::WouldBlock));
        }
        if let Err(error) = self.socket_answer(answer.into()) {
            self.tcp(&socket)?.state = State::Closed;
            return Err(error);
        }
        self.tcp(&socket)?.state = State::Connected;
        self.hold_socket(tcp.handle);
        let input = self
            .push(Entry::Input(Input::Tcp(tcp.handle)))
            .map_err(SocketError::trap)?;
        self.hold_socket(tcp.handle);
        let output = self
            .push(Entry::Output(Output::Tcp(tcp.handle)))
            .map_err(SocketError::trap)?;
        Ok((input, output))
    }

    /// Refused; C tells the audit.
    fn start_listen(&mut self, socket: TcpSocket) -> SocketResult<()> {
        let handle = self.tcp(&socket)?.handle;
        let answer = unsafe { (self.api.c.socket_listen)(self.context, handle) };
        self.socket_answer(answer.into()).map(|_| ())
    }

    fn finish_listen(&mut self, socket: TcpSocket) -> SocketResult<()> {
        self.tcp(&socket)?;
        Err(code(ErrorCode::NotInProgress))
    }

    fn accept(
        &mut self,
        socket: TcpSocket,
    ) -> SocketResult<(
        TcpSocket,
        Resource<streams::InputStream>,
        Resource<streams::OutputStream>,
    )> {
        self.tcp(&socket)?;
        Err(code(ErrorCode::InvalidState))
    }

    fn local_address(&mut self, socket: TcpSocket) -> SocketResult<IpSocketAddress> {
        let tcp = *self.tcp(&socket)?;
        if tcp.state == State::New {
            return Err(code(ErrorCode::InvalidState));
        }
        self.name(tcp.handle, false)
    }

    fn remote_address(&mut self, socket: TcpSocket) -> SocketResult<IpSocketAddress> {
        let tcp = *self.tcp(&socket)?;
        if tcp.state != State::Connected {
            return Err(code(ErrorCode::InvalidState));
        }
        self.name(tcp.handle, true)
    }

    fn is_listening(&mut self, _socket: TcpSocket) -> Result<bool> {
        Ok(false)
    }

    fn address_family(&mut self, socket: TcpSocket) -> Result<IpAddressFamily> {
        match self.get(&socket)? {
            Entry::Tcp(tcp) if tcp.is_ipv6 => Ok(IpAddressFamily::Ipv6),
            _ => Ok(IpAddressFamily::Ipv4),
        }
    }

    fn set_listen_backlog_size(&mut self, socket: TcpSocket, _value: u64) -> SocketResult<()> {
        tcp::HostTcpSocket::start_listen(self, socket)
    }

    fn keep_alive_enabled(&mut self, socket: TcpSocket) -> SocketResult<bool> {
        Ok(self.tcp_option(&socket, KEEP_ALIVE)? != 0)
    }

    fn set_keep_alive_enabled(&mut self, socket: TcpSocket, value: bool) -> SocketResult<()> {
        self.set_tcp_option(&socket, KEEP_ALIVE, value.into())
    }

    fn keep_alive_idle_time(&mut self, socket: TcpSocket) -> SocketResult<u64> {
        Ok(self.tcp_option(&socket, KEEP_ALIVE_IDLE_S)? * NS_PER_S)
    }

    fn set_keep_alive_idle_time(&mut self, socket: TcpSocket, value: u64) -> SocketResult<()> {
        self.set_tcp_option(&socket, KEEP_ALIVE_IDLE_S, value.div_ceil(NS_PER_S))
    }

    fn keep_alive_interval(&mut self, socket: TcpSocket) -> SocketResult<u64> {
        Ok(self.tcp_option(&socket, KEEP_ALIVE_INTERVAL_S)? * NS_PER_S)
    }

    fn set_keep_alive_interval(&mut self, socket: TcpSocket, value: u64) -> SocketResult<()> {
        self.set_tcp_option(&socket, KEEP_ALIVE_INTERVAL_S, value.div_ceil(NS_PER_S))
    }

    fn keep_alive_count(&mut self, socket: TcpSocket) -> SocketResult<u32> {
        Ok(self.tcp_option(&socket, KEEP_ALIVE_COUNT)? as u32)
    }

    fn set_keep_alive_count(&mut self, socket: TcpSocket, value: u32) -> SocketResult<()> {
        self.set_tcp_option(&socket, KEEP_ALIVE_COUNT, value.into())
    }

    fn hop_limit(&mut self, socket: TcpSocket) -> SocketResult<u8> {
        Ok(self.tcp_option(&socket, HOP_LIMIT)? as u8)
    }

    fn set_hop_limit(&mut self, socket: TcpSocket, value: u8) -> SocketResult<()> {
        self.set_tcp_option(&socket, HOP_LIMIT, value.into())
    }

    fn receive_buffer_size(&mut self, socket: TcpSocket) -> SocketResult<u64> {
        self.tcp_option(&socket, RECEIVE_BUFFER)
    }

    fn set_receive_buffer_size(&mut self, socket: TcpSocket, value: u64) -> SocketResult<()> {
        self.set_tcp_option(&socket, RECEIVE_BUFFER, value)
    }

    fn send_buffer_size(&mut self, socket: TcpSocket) -> SocketResult<u64> {
        self.tcp_option(&socket, SEND_BUFFER)
    }

    fn set_send_buffer_size(&mut self, socket: TcpSocket, value: u64) -> SocketResult<()> {
        self.set_tcp_option(&socket, SEND_BUFFER, value)
    }

    fn subscribe(&mut self, socket: TcpSocket) -> Result<Resource<poll::Pollable>> {
        let Entry::Tcp(tcp) = *self.get(&socket)? else {
            return Err(Error::msg("not a TCP socket"));
        };
        self.subscribe_to(match tcp.state {
            State::Connecting => Pollable::Socket {
                handle: tcp.handle,
                events: POLLOUT,
            },
            _ => Pollable::Ready,
        })
    }

    fn shutdown(&mut self, socket: TcpSocket, how: tcp::ShutdownType) -> SocketResult<()> {
        let tcp = *self.tcp(&socket)?;
        if tcp.state != State::Connected {
            return Err(code(ErrorCode::InvalidState));
        }
        let how = match how {
            tcp::ShutdownType::Receive => 0,
            tcp::ShutdownType::Send => 1,
            tcp::ShutdownType::Both => 2,
        };
        let answer = unsafe { (self.api.c.socket_shutdown)(self.context, tcp.handle, how) };
        self.socket_answer(answer.into()).map(|_| ())
    }

    fn drop(&mut self, socket: TcpSocket) -> Result<()> {
        self.remove(socket)
    }
}

impl udp_create_socket::Host for Host {
    fn create_udp_socket(&mut self, family: IpAddressFamily) -> SocketResult<UdpSocket> {
        let handle = self.open_socket(true, family)?;
        self.push(Entry::Udp(Udp {
            handle,
            is_ipv6: family == IpAddressFamily::Ipv6,
            state: State::New,
        }))
        .map_err(SocketError::trap)
    }
}

impl udp::Host for Host {}

impl udp::HostUdpSocket for Host {
    fn start_bind(
        &mut self,
        socket: UdpSocket,
        _network: Resource<Network>,
        local: IpSocketAddress,
    ) -> SocketResult<()> {
        let udp = *self.udp(&socket)?;
        if udp.state != State::New {
            return Err(code(ErrorCode::InvalidState));
        }
        self.bind(udp.handle, udp.is_ipv6, local)?;
        self.udp(&socket)?.state = State::Binding;
        Ok(())
    }

    fn finish_bind(&mut self, socket: UdpSocket) -> SocketResult<()> {
        let udp = self.udp(&socket)?;
        if udp.state != State::Binding {
            return Err(code(ErrorCode::NotInProgress));
        }
        udp.state = State::Bound;
        Ok(())
    }

    fn stream(
        &mut self,
        socket: UdpSocket,
        remote: Option<IpSocketAddress>,
    ) -> SocketResult<(
        Resource<udp::IncomingDatagramStream>,
        Resource<udp::OutgoingDatagramStream>,
    )> {
        let udp = *self.udp(&socket)?;
        if !matches!(udp.state, State::Bound | State::Connected) {
            return Err(code(ErrorCode::InvalidState));
        }
        // No address: datagrams name their own again.
        let to = remote.map(endpoint).unwrap_or_default();
        if remote.is_some() && (to.is_ipv6 != udp.is_ipv6 || to.port == 0) {
            return Err(code(ErrorCode::InvalidArgument));
        }
        let answer = unsafe { (self.api.c.socket_connect)(self.context, udp.handle, &to) };
        self.socket_answer(answer.into())?;
        self.udp(&socket)?.state = if remote.is_some() {
            State::Connected
        } else {
            State::Bound
        };
        self.hold_socket(udp.handle);
        let input = self
            .push(Entry::UdpIn(udp.handle))
            .map_err(SocketError::trap)?;
        self.hold_socket(udp.handle);
        let output = self
            .push(Entry::UdpOut(udp.handle))
            .map_err(SocketError::trap)?;
        Ok((input, output))
    }

    fn local_address(&mut self, socket: UdpSocket) -> SocketResult<IpSocketAddress> {
        let udp = *self.udp(&socket)?;
        if matches!(udp.state, State::New | State::Binding) {
            return Err(code(ErrorCode::InvalidState));
        }
        self.name(udp.handle, false)
    }

    fn remote_address(&mut self, socket: UdpSocket) -> SocketResult<IpSocketAddress> {
        let udp = *self.udp(&socket)?;
        if udp.state != State::Connected {
            return Err(code(ErrorCode::InvalidState));
        }
        self.name(udp.handle, true)
    }

    fn address_family(&mut self, socket: UdpSocket) -> Result<IpAddressFamily> {
        match self.get(&socket)? {
            Entry::Udp(udp) if udp.is_ipv6 => Ok(IpAddressFamily::Ipv6),
            _ => Ok(IpAddressFamily::Ipv4),
        }
    }

    fn unicast_hop_limit(&mut self, socket: UdpSocket) -> SocketResult<u8> {
        Ok(self.udp_option(&socket, HOP_LIMIT)? as u8)
    }

    fn set_unicast_hop_limit(&mut self, socket: UdpSocket, value: u8) -> SocketResult<()> {
        self.set_udp_option(&socket, HOP_LIMIT, value.into())
    }

    fn receive_buffer_size(&mut self, socket: UdpSocket) -> SocketResult<u64> {
        self.udp_option(&socket, RECEIVE_BUFFER)
    }

    fn set_receive_buffer_size(&mut self, socket: UdpSocket, value: u64) -> SocketResult<()> {
        self.set_udp_option(&socket, RECEIVE_BUFFER, value)
    }

    fn send_buffer_size(&mut self, socket: UdpSocket) -> SocketResult<u64> {
        self.udp_option(&socket, SEND_BUFFER)
    }

    fn set_send_buffer_size(&mut self, socket: UdpSocket, value: u64) -> SocketResult<()> {
        self.set_udp_option(&socket, SEND_BUFFER, value)
    }

    fn subscribe(&mut self, _socket: UdpSocket) -> Result<Resource<poll::Pollable>> {
        self.subscribe_to(Pollable::Ready)
    }

    fn drop(&mut self, socket: UdpSocket) -> Result<()> {
        self.remove(socket)
    }
}

impl udp::HostIncomingDatagramStream for Host {
    fn receive(
        &mut self,
        stream: Resource<udp::IncomingDatagramStream>,
        max: u64,
    ) -> SocketResult<Vec<udp::IncomingDatagram>> {
        self.enter().map_err(SocketError::trap)?;
        let Entry::UdpIn(handle) = *self.get(&stream).map_err(SocketError::trap)? else {
            return Err(SocketError::trap(Error::msg("not a datagram stream")));
        };
        let mut list = Vec::new();
        while (list.len() as u64) < max.min(DATAGRAMS_MAX) {
            let mut data = vec![0; DATAGRAM_BYTES];
            let mut from = bx_endpoint::default();
            let answer = unsafe {
                (self.api.c.socket_receive_from)(
                    self.context,
                    handle,
                    data.as_mut_ptr(),
                    data.len(),
                    &mut from,
                )
            };
            if answer == EAGAIN || (answer < 0 && !list.is_empty()) {
                break;
            }
            let count = self.socket_answer(answer)? as usize;
            data.truncate(count);
            data.shrink_to_fit();
            list.push(udp::IncomingDatagram {
                data,
                remote_address: socket_address(&from),
            });
        }
        Ok(list)
    }

    fn subscribe(
        &mut self,
        stream: Resource<udp::IncomingDatagramStream>,
    ) -> Result<Resource<poll::Pollable>> {
        match *self.get(&stream)? {
            Entry::UdpIn(handle) => self.subscribe_to(Pollable::Socket {
                handle,
                events: POLLIN,
            }),
            _ => Err(Error::msg("not a datagram stream")),
        }
    }

    fn drop(&mut self, stream: Resource<udp::IncomingDatagramStream>) -> Result<()> {
        self.remove(stream)
    }
}

impl udp::HostOutgoingDatagramStream for Host {
    fn check_send(&mut self, _: Resource<udp::OutgoingDatagramStream>) -> SocketResult<u64> {
        self.enter().map_err(SocketError::trap)?;
        Ok(DATAGRAMS_MAX)
    }

    fn send(
        &mut self,
        stream: Resource<udp::OutgoingDatagramStream>,
        datagrams: Vec<udp::OutgoingDatagram>,
    ) -> SocketResult<u64> {
        self.enter().map_err(SocketError::trap)?;
        let Entry::UdpOut(handle) = *self.get(&stream).map_err(SocketError::trap)? else {
            return Err(SocketError::trap(Error::msg("not a datagram stream")));
        };
        if datagrams.len() as u64 > DATAGRAMS_MAX {
            return Err(SocketError::trap(Error::msg(
                "send past what check-send permits",
            )));
        }
        let mut sent = 0;
        for datagram in &datagrams {
            // Without an address it goes where the stream leads, port 0 says.
            let to = datagram.remote_address.map(endpoint).unwrap_or_default();
            if datagram.remote_address.is_some() && to.port == 0 {
                return Err(code(ErrorCode::InvalidArgument));
            }
            let answer = unsafe {
                (self.api.c.socket_send_to)(
                    self.context,
                    handle,
                    datagram.data.as_ptr(),
                    datagram.data.len(),
                    &to,
                )
            };
            if answer < 0 && sent > 0 {
                break;
            }
            self.socket_answer(answer)?;
            sent += 1;
        }
        Ok(sent)
    }

    fn subscribe(
        &mut self,
        stream: Resource<udp::OutgoingDatagramStream>,
    ) -> Result<Resource<poll::Pollable>> {
        match *self.get(&stream)? {
            Entry::UdpOut(handle) => self.subscribe_to(Pollable::Socket {
                handle,
                events: POLLOUT,
            }),
            _ => Err(Error::msg("not a datagram stream")),
        }
    }

    fn drop(&mut self, stream: Resource<udp::OutgoingDatagramStream>) -> Result<()> {
        self.remove(stream)
    }
}
