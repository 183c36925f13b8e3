// A server that has to be killed: it ignores SIGTERM, SIGINT, SIGHUP and the end of stdin.

import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";
import { fixtureServer, text } from "./shared.mjs";

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
  process.on(signal, () => process.stderr.write(`fixture-ignores-sigterm: ignoring ${signal}\n`));
}
// Without this an answer to a host that is gone would end the process by itself.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});
// A test that forgets it must not leave it running for ever; this timer also outlives the end of stdin.
setTimeout(() => process.exit(0), Number(process.env.LIFETIME_MS ?? 120_000));

const server = fixtureServer("ignores-sigterm");

server.registerTool(
  "echo",
  { description: "Answers with the message it was given.", inputSchema: { message: z.string() } },
  ({ message }) => text(message),
);

server.registerTool("pid", { description: "Answers with the process id of this server." }, () =>
  text(process.pid),
);

await server.connect(new StdioServerTransport());
