// A server that writes a lot where it should not: much to stderr, and a banner to stdout before the first message.
import { z } from "zod";
import { fixtureServer, serve, text } from "./shared.mjs";

const LINE = `${"chatter ".repeat(12)}\n`;

function shout(kilobytes, oneLine) {
  const bytes = kilobytes * 1024;
  const chunk = oneLine ? "x".repeat(bytes) : LINE.repeat(Math.ceil(bytes / LINE.length));
  return new Promise((resolve) => process.stderr.write(chunk.slice(0, bytes), resolve));
}

process.stdout.write("Welcome to the chatty fixture!\n\nThis line is no JSON.\n");
await shout(Number(process.env.STDERR_KILOBYTES ?? 256), false);

const server = fixtureServer("chatty-stderr");

server.registerTool(
  "shout",
  {
    description:
      "Writes this many kilobytes to stderr, in lines or as one line without an end, then answers.",
    inputSchema: { kilobytes: z.number().int().min(0).max(65_536), oneLine: z.boolean().default(false) },
  },
  async ({ kilobytes, oneLine }) => {
    await shout(kilobytes, oneLine);
    return text(`wrote ${kilobytes} kB`);
  },
);

server.registerTool(
  "echo",
  { description: "Answers with the message it was given.", inputSchema: { message: z.string() } },
  ({ message }) => text(message),
);

await serve(server);
