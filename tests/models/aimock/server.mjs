// A stand-in for the paid services: aimock, which speaks their wire protocols,
// with answers from a file. It prints its URL and ends with its stdin.
import { LLMock } from "@copilotkit/aimock";

const [fixtures, key] = process.argv.slice(2);
const mock = new LLMock({
  host: "127.0.0.1",
  port: 0,
  chunkSize: 7,
  ...(key ? { auth: { apiKeys: [key] } } : {}),
});

mock.loadFixtureFile(fixtures);
console.log(await mock.start());
process.stdin.resume();
process.stdin.on("end", async () => {
  await mock.stop();
  process.exit(0);
});
