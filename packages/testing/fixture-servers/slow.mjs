// A server whose tool takes its time, and that tells what became of the calls.
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { fixtureServer, serve, text } from "./shared.mjs";

const server = fixtureServer("slow");
const counts = { running: 0, completed: 0, cancelled: 0 };

server.registerTool(
  "wait",
  { description: "Answers after `ms` milliseconds.", inputSchema: { ms: z.number().min(0).max(600_000) } },
  async ({ ms }, { signal }) => {
    counts.running++;
    try {
      await wait(ms, undefined, { signal });
      counts.completed++;
      return text(`waited ${ms}`);
    } catch (error) {
      counts.cancelled++;
      throw error;
    } finally {
      counts.running--;
    }
  },
);

server.registerTool(
  "counts",
  { description: "Tells as JSON how many calls of `wait` run, were completed and were cancelled." },
  () => text(JSON.stringify(counts)),
);

await serve(server);
