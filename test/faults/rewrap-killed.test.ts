import { setTimeout as wait } from "node:timers/promises";
import { generateKey } from "@moorage/vault";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { postgresUrl } from "../support/postgres.ts";
import { runScript } from "../support/run-script.ts";
import {
  fillVault,
  type OpenVault,
  openVault,
  readVault,
  type VaultPlace,
  vaultFile,
  vaultSchema,
} from "../support/vault-house.ts";

const PROGRAM = "test/fixtures/rewrap.ts";
const SECRETS = 1_000;
const KILLS = 5;
const values = Array.from({ length: SECRETS }, (_, at) => `value ${at}`);

const url = postgresUrl();
const places = [
  { dialect: "sqlite", isMissing: false, make: vaultFile },
  { dialect: "postgres", isMissing: url === null, make: () => vaultSchema(url ?? "") },
];

describe.each(places)("a change of the master key on $dialect", ({ isMissing, make }) => {
  describe.skipIf(isMissing)("with a database", () => {
    const [old, young] = [generateKey("k1"), generateKey("k2")];
    const ring = `${young},${old}`;
    let place: VaultPlace;

    beforeEach(async () => {
      place = await make();
      const house = await openVault(place.location, { keys: old });
      await fillVault(house, SECRETS);
      await house.close();
    });
    afterEach(() => place.remove());

    /** Looks at the vault with this ring, in this process. */
    async function look<Result>(keys: string, work: (house: OpenVault) => Promise<Result>): Promise<Result> {
      const house = await openVault(place.location, { keys });
      try {
        return await work(house);
      } finally {
        await house.close();
      }
    }

    test(`of ${SECRETS} secrets, killed with SIGKILL at any moment, loses none and is completed by the next run`, async () => {
      const moments: string[] = [];
      let moved = 0;
      for (let kill = 0; kill < KILLS; kill += 1) {
        const delayMs = 40 + Math.round(Math.random() * 150);
        const program = runScript(PROGRAM, [...place.location, ring, "20"]);
        await program.line("begins");
        await wait(delayMs);
        program.child.kill("SIGKILL");
        const { signal, output } = await program.ended;
        expect(signal, output).toBe("SIGKILL");
        const [active] = await look(ring, ({ vault }) => vault.keys());
        const now = active?.secrets ?? 0;
        moments.push(`after ${delayMs} ms with ${now} moved`);
        expect(now, moments.join(", ")).toBeGreaterThanOrEqual(moved);
        moved = now;
        expect(await look(ring, (house) => readVault(house, SECRETS)), moments.join(", ")).toEqual(values);
      }
      // Otherwise no kill would have met it in the middle.
      expect(moved, moments.join(", ")).toBeGreaterThan(0);
      expect(moved, moments.join(", ")).toBeLessThan(SECRETS);

      const last = runScript(PROGRAM, [...place.location, ring]);
      const done = JSON.parse((await last.line("done ")).slice(5)) as unknown;
      expect(done).toEqual({ keyId: "k2", rewrapped: SECRETS - moved, remaining: 0, failed: 0 });
      expect((await last.ended).code).toBe(0);
      expect(await look(young, (house) => readVault(house, SECRETS))).toEqual(values);
      await look(ring, ({ vault }) => vault.purgeKey("k1"));
    }, 120_000);

    test("is shared by processes that run at once, of which one is killed", async () => {
      const start = () => runScript(PROGRAM, [...place.location, ring, "2"]);
      const [one, other, killed] = [start(), start(), start()];
      await killed.line("begins");
      await wait(50);
      killed.child.kill("SIGKILL");
      const outputs = await Promise.all([one.ended, other.ended, killed.ended]);
      expect(outputs.map(({ code }) => code).slice(0, 2), outputs[0].output).toEqual([0, 0]);
      expect(await look(young, (house) => readVault(house, SECRETS))).toEqual(values);
      expect(await look(young, ({ vault }) => vault.rewrap())).toMatchObject({ rewrapped: 0, remaining: 0 });
    }, 120_000);
  });
});
