// What the official TypeScript SDK sees; run by test_clients.py beside its
// node_modules. argv: the server's command.
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

const [command, ...args] = process.argv.slice(2);
const transport = new StdioClientTransport({ command, args, env: process.env });
const client = new Client({ name: "node", version: "1" }, { capabilities: {} });
transport.onerror = (error) => { throw error; };
await client.connect(transport);
assert.equal(client.getServerVersion().name, "boxagnts");

const { tools } = await client.listTools();
const names = tools.map((tool) => tool.name);
assert.ok(names.includes("actor") && names.includes("typed"));
assert.equal(tools.find((t) => t.name === "typed").annotations.readOnlyHint, true);

const call = (name, input, options) =>
  client.callTool({ name, arguments: input }, undefined, options);
const text = (result) => result.content.map((block) => block.text).join("");
assert.equal(text(await call("actor", { do: "print", text: "hello" })), "hello");
// The client checks structured output against the schema itself.
const typed = await call("typed", { do: "print", text: '{"n": 1}' });
assert.deepEqual(typed.structuredContent, { n: 1 });
assert.equal((await call("typed", { do: "print", text: "no" })).isError, true);
await assert.rejects(call("nothing", {}), /no tool 'nothing'/);

const { resources } = await client.listResources();
assert.deepEqual(resources.map((r) => r.uri), ["workspace:///note.txt"]);
const read = await client.readResource({ uri: resources[0].uri });
assert.equal(read.contents[0].text, "a note\n");
await assert.rejects(client.readResource({ uri: "workspace:///../x" }));
const { resourceTemplates } = await client.listResourceTemplates();
assert.equal(resourceTemplates.length, 1);
const completion = await client.complete({
  ref: { type: "ref/resource", uri: resourceTemplates[0].uriTemplate },
  argument: { name: "path", value: "no" },
});
assert.deepEqual(completion.completion.values, ["note.txt"]);

const abort = new AbortController();
let progressed = 0;
const loop = call("actor", { do: "loop" }, {
  signal: abort.signal,
  onprogress: () => { if (++progressed === 2) abort.abort(); },
});
const many = await Promise.all(Array.from({ length: 50 }, (_, n) =>
  call("actor", { do: "print", text: String(n) })));
assert.deepEqual(many.map(text), Array.from({ length: 50 }, (_, n) => String(n)));
await assert.rejects(loop);
assert.equal(progressed, 2);
await client.setLoggingLevel("error");
await client.ping();

client.setNotificationHandler(ResourceUpdatedNotificationSchema, () => {});
await client.subscribeResource({ uri: "workspace:///note.txt" });
await client.close();
console.log("complete");
