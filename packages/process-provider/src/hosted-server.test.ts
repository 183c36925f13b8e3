import type { LaunchRequest } from "@moorage/core";
import { afterAll, afterEach, expect, it } from "vitest";
import { launchOf, scratchFolder, until } from "../test-support/children.ts";
import { type ProcessProvider, processProvider } from "./process-provider.ts";

const scratch = scratchFolder();
const providers: ProcessProvider[] = [];
afterEach(() => Promise.all(providers.splice(0).map((provider) => provider.close())));
afterAll(() => scratch.remove());

/** Starts a server that writes its variables on both streams, the key in two pieces, and ends. */
async function told(overrides: Partial<LaunchRequest>): Promise<readonly string[]> {
  const source = `
    const { KEY, PLACE } = process.env;
    console.log("at " + PLACE + " with " + Buffer.from(KEY).toString("base64"));
    process.stderr.write("at " + PLACE + " with " + KEY.slice(0, 7));
    setTimeout(() => process.stderr.write(KEY.slice(7) + ".\\n", () => process.exit(1)), 50);
  `;
  const provider = processProvider({ stateDirectory: scratch.path });
  providers.push(provider);
  const environment = { KEY: "sesame-open-now", PLACE: "the-fortieth-cave" };
  const { id } = await provider.launch(launchOf(source, { environment, ...overrides }));
  let state = "";
  const look = () => provider.inspect(id).then((resource) => (state = resource.state));
  await until(() => {
    void look();
    return state === "failed";
  });
  return (await provider.logs(id)).map(({ stream, text }) => `${stream}: ${text}`).sort();
}

it("scrubs what it stores of the values that are secrets, and of no others", async () => {
  expect(await told({ secretNames: ["KEY", "NOT_SET"] })).toEqual([
    "stderr: at the-fortieth-cave with [secret].",
    "stdout: at the-fortieth-cave with [secret]",
  ]);
});

it("scrubs what it stores of every value where nobody said which are secrets", async () => {
  expect(await told({})).toEqual(["stderr: at [secret] with [secret].", "stdout: at [secret] with [secret]"]);
});
