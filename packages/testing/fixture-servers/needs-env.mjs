// A server that does not start without its key.
import { createHash } from "node:crypto";
import { fixtureServer, giveUp, serve, text } from "./shared.mjs";

const apiKey = process.env.API_KEY;
if (!apiKey) await giveUp("fixture-needs-env: API_KEY is required");

const server = fixtureServer("needs-env");

server.registerTool(
  "whoami",
  {
    description:
      "Answers with the first 16 hexadecimal digits of the SHA-256 of API_KEY, never with the key.",
  },
  () => text(createHash("sha256").update(apiKey).digest("hex").slice(0, 16)),
);

await serve(server);
