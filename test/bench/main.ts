/**
 * `npm run bench`: what a tool call costs through the platform, beside the same call made on the server
 * directly, measured in turns within one run. Medians of the rounds; machines differ, so the ratio is what counts.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScript } from "../support/run-script.ts";
import { openDirectServer } from "./direct-stdio.ts";
import { closeConnections } from "./http-client.ts";
import { measure, median, type Sample } from "./measure.ts";
import { makeTargets, startInstance } from "./targets.ts";

const ROUNDS = 5;

function row(name: string, sample: Sample, baseline: Sample | undefined): string {
  const ratio = baseline ? `${(sample.p50Ms / baseline.p50Ms).toFixed(1)}x` : "";
  return [
    name.padEnd(38),
    sample.perSecond.toFixed(0).padStart(10),
    sample.p50Ms.toFixed(3).padStart(10),
    sample.p99Ms.toFixed(3).padStart(10),
    ratio.padStart(12),
  ].join(" ");
}

const folder = await mkdtemp(join(tmpdir(), "moorage-bench-"));
const host = runScript("test/bench/host.ts", [join(folder, "bench.db")]);
const direct = await openDirectServer();
try {
  const [, url = "", serverId = ""] = (await host.line("listening ")).split(" ");
  const instanceId = await startInstance(url, serverId);
  const targets = await makeTargets({ url, serverId, instanceId }, direct);
  const samples = new Map<string, Sample[]>(targets.map(({ name }) => [name, []]));
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`round ${round} of ${ROUNDS}\n`);
    for (const target of targets) samples.get(target.name)?.push(await measure(target));
  }
  const medians = new Map([...samples].map(([name, taken]) => [name, median(taken)] as const));
  const heads = ["per second", "p50 ms", "p99 ms"].map((head) => head.padStart(10));
  console.log(["".padEnd(38), ...heads, "p50 / direct".padStart(12)].join(" "));
  for (const [name, sample] of medians) {
    const baseline = name.includes("tool call")
      ? medians.get(name.replace(/^\S+( stdio)? tool call/, "direct stdio tool call"))
      : undefined;
    console.log(row(name, sample, baseline));
  }
} finally {
  direct.close();
  closeConnections();
  host.child.stdin?.end();
  await host.ended;
  await rm(folder, { recursive: true, force: true });
}
