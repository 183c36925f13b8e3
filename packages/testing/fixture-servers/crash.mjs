// A server that dies: when asked to, or at once with CRASH_AT_START=1.
import { z } from "zod";
import { fixtureServer, giveUp, serve, text } from "./shared.mjs";

if (process.env.CRASH_AT_START === "1") {
  await giveUp("fixture-crash: CRASH_AT_START is set, exiting with code 1");
}

const server = fixtureServer("crash");

server.registerTool(
  "crash",
  {
    description: "Ends the process with this exit code, without an answer.",
    inputSchema: { code: z.number().int().min(0).max(255).default(1) },
  },
  ({ code }) => {
    process.stderr.write(`fixture-crash: exiting with code ${code}\n`, () => process.exit(code));
    return new Promise(() => {});
  },
);

server.registerTool(
  "echo",
  { description: "Answers with the message it was given.", inputSchema: { message: z.string() } },
  ({ message }) => text(message),
);

await serve(server);
