//! boxagnts:host/calls: other programs and tools of the box, by the services
//! that core modules reach too (src/sandbox/call_host.c).

use serde_json::Value;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Error, Result};

use crate::host::{HOST_STOP, Host, bx_block, bx_component_failure, bx_text};

wasmtime::component::bindgen!({
    path: "../guests/wit",
    world: "guest",
    imports: { default: trappable },
    require_store_data_send: true,
});

use boxagnts::host::calls;

/// src/sandbox/component_api.h, bx_component_service.
const SPAWN: i32 = 0;
const TOOL_CALL: i32 = 1;
const TOOL_LIST: i32 = 2;
const WORDS_MAX: usize = 4096;

pub fn add_to_linker(linker: &mut Linker<Host>) -> Result<()> {
    calls::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)
}

impl Host {
    /// Ok(Err) is for the guest; blocks are the head and two outputs.
    fn service(&mut self, which: i32, texts: &[bx_text]) -> Result<Result<[Vec<u8>; 3], String>> {
        const EMPTY: bx_block = bx_block {
            data: std::ptr::null_mut(),
            bytes: 0,
        };
        let mut blocks = [EMPTY; 3];
        let mut failure = bx_component_failure::default();
        self.enter()?;
        // SAFETY: the context is this instance's, the texts are slices of ours.
        let answer = unsafe {
            (self.api.c.service)(
                self.context,
                which,
                texts.as_ptr(),
                texts.len(),
                &mut blocks,
                &mut failure,
            )
        };
        if answer == HOST_STOP {
            return Err(self.end(answer));
        }
        let free = self.api.c.free;
        let taken = blocks.map(|block| {
            if block.data.is_null() {
                return Vec::new();
            }
            // SAFETY: C gave the block to us with that many bytes.
            unsafe {
                let bytes = std::slice::from_raw_parts(block.data, block.bytes).to_vec();
                free(block.data.cast());
                bytes
            }
        });
        Ok(if answer < 0 {
            Err(failure.text())
        } else {
            Ok(taken)
        })
    }
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl calls::Host for Host {
    fn spawn(
        &mut self,
        argv: Vec<String>,
        env: Vec<(String, String)>,
        cwd: Option<String>,
        stdin: Vec<u8>,
    ) -> Result<Result<calls::Outcome, String>> {
        if argv.is_empty() || argv.len() > WORDS_MAX || env.len() >= WORDS_MAX {
            return Ok(Err(format!(
                "spawn: expected 1 to {WORDS_MAX} arguments and fewer variables"
            )));
        }
        let mut env: Vec<String> = env
            .iter()
            .filter(|(name, _)| cwd.is_none() || name != "PWD")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        env.extend(cwd.map(|cwd| format!("PWD={cwd}")));
        // stdin, argc, then arguments and variables.
        let count = argv.len().to_string();
        let mut texts = vec![bx_text::new(&stdin), bx_text::new(count.as_bytes())];
        texts.extend(argv.iter().map(|word| bx_text::new(word.as_bytes())));
        texts.extend(env.iter().map(|word| bx_text::new(word.as_bytes())));
        let [head, stdout, stderr] = match self.service(SPAWN, &texts)? {
            Ok(blocks) => blocks,
            Err(why) => return Ok(Err(why)),
        };
        let head: Value = serde_json::from_slice(&head)
            .map_err(|error| Error::msg(format!("the host's own answer: {error}")))?;
        let text = |key: &str| head[key].as_str().unwrap_or_default().to_owned();
        Ok(Ok(calls::Outcome {
            exit_code: head["exit_code"].as_u64().unwrap_or(0) as u32,
            status: text("status"),
            message: text("message"),
            stdout,
            stderr,
        }))
    }

    fn tool_call(&mut self, name: String, input: String) -> Result<Result<String, String>> {
        let texts = [
            bx_text::new(name.as_bytes()),
            bx_text::new(input.as_bytes()),
        ];
        Ok(self
            .service(TOOL_CALL, &texts)?
            .map(|[_, result, _]| text_of(result)))
    }

    fn tool_list(&mut self) -> Result<Result<String, String>> {
        Ok(self
            .service(TOOL_LIST, &[])?
            .map(|[_, list, _]| text_of(list)))
    }
}
