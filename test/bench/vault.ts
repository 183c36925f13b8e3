/**
 * `npm run bench:vault`: what sealing and opening cost, and how fast secrets are moved to another master key. Rates
 * per second, medians of the rounds of one run; the rounds of all targets take turns.
 */
import { generateKey, localKeyring } from "@moorage/vault";
import { ALGORITHMS } from "../../packages/vault/src/cipher.ts";
import { openValue, sealValue } from "../../packages/vault/src/seal.ts";
import { fillVault, openVault, type VaultPlace, vaultFile, vaultSchema } from "../support/vault-house.ts";
import { measure, median, type Sample, type Target } from "./measure.ts";

const ROUNDS = 5;
const CALLS = 2_000;
const SECRETS = 2_000;

const context = { ownerId: "ada", scopeKind: "owner", scopeId: "", name: "TOKEN", purpose: "value" };
const keys = localKeyring(generateKey());

async function cryptoTargets(): Promise<readonly Target[]> {
  const targets: Target[] = [];
  for (const algorithm of ALGORITHMS) {
    for (const bytes of [64, 4096]) {
      const value = "x".repeat(bytes);
      const { envelope } = await sealValue(value, { keys, context, algorithm });
      const plain = { calls: CALLS, concurrency: 1 };
      const seal = async () => void (await sealValue(value, { keys, context, algorithm }));
      const open = async () => {
        if ((await openValue(envelope, { keys, context })) !== value)
          throw new Error("opened as another value");
      };
      targets.push({ ...plain, name: `seal ${bytes} B, ${algorithm}`, call: seal });
      targets.push({ ...plain, name: `open ${bytes} B, ${algorithm}`, call: open });
    }
  }
  return targets;
}

/** Moves all secrets of that place to a key that is new each time. Returns rows per second. */
async function makeRewrap(place: VaultPlace): Promise<() => Promise<number>> {
  let ring = generateKey("k0");
  const house = await openVault(place.location, { keys: ring });
  await fillVault(house, SECRETS);
  await house.close();
  let round = 0;
  return async () => {
    round += 1;
    ring = `${generateKey(`k${round}`)},${ring}`;
    const { vault, close } = await openVault(place.location, { keys: ring });
    const startedAt = performance.now();
    const { rewrapped, failed } = await vault.rewrap();
    const tookMs = performance.now() - startedAt;
    await close();
    if (rewrapped !== SECRETS || failed > 0) throw new Error(`${rewrapped} of ${SECRETS} were moved`);
    return (rewrapped / tookMs) * 1000;
  };
}

function line(name: string, figures: readonly number[]): void {
  console.log([name.padEnd(34), ...figures.map((figure) => figure.toFixed(0).padStart(10))].join(" "));
}

const url = process.env.MOORAGE_TEST_POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432/test";
const places = new Map([["SQLite", await vaultFile()]]);
try {
  places.set("Postgres", await vaultSchema(url));
} catch {
  process.stderr.write("Postgres: not reachable, left out\n");
}
try {
  const targets = await cryptoTargets();
  const samples = new Map<string, Sample[]>(targets.map(({ name }) => [name, []]));
  const rewraps = new Map<string, { readonly run: () => Promise<number>; readonly rates: number[] }>();
  for (const [name, place] of places) rewraps.set(name, { run: await makeRewrap(place), rates: [] });
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`round ${round} of ${ROUNDS}\n`);
    for (const target of targets) samples.get(target.name)?.push(await measure(target));
    for (const { run, rates } of rewraps.values()) rates.push(await run());
  }
  console.log(
    [" ".repeat(34), ...["median", "lowest", "highest"].map((head) => head.padStart(10))].join(" "),
  );
  for (const [name, taken] of samples) {
    const rates = taken.map(({ perSecond }) => perSecond);
    line(`${name}, per second`, [median(taken).perSecond, Math.min(...rates), Math.max(...rates)]);
  }
  for (const [name, { rates }] of rewraps) {
    const sorted = rates.sort((one, other) => one - other);
    const [lowest = 0, highest = 0] = [sorted[0], sorted.at(-1)];
    line(`rewrap on ${name}, rows per second`, [sorted[Math.floor(sorted.length / 2)] ?? 0, lowest, highest]);
  }
} finally {
  for (const place of places.values()) await place.remove();
}
