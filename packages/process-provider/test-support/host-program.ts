import { processProvider } from "../src/index.ts";
import { ANSWERING, launchOf, STUBBORN, startsAnother } from "./children.ts";

// A host for the tests to kill: launches servers of every kind that outlives its host, and says so.
const [stateDirectory = ""] = process.argv.slice(2);
const provider = processProvider({ stateDirectory });
const sources = {
  polite: ANSWERING,
  stubborn: STUBBORN,
  parent: `${startsAnother(STUBBORN, false)} ${ANSWERING}`,
  escaping: `${startsAnother(STUBBORN, true)} ${ANSWERING}`,
  renamed: `process.title = "x".repeat(4000); ${STUBBORN}`,
};
const ids: Record<string, string> = {};
for (const [instanceId, source] of Object.entries(sources)) {
  ids[instanceId] = (await provider.launch(launchOf(source, { instanceId }))).id;
}
process.stdout.write(`${JSON.stringify(ids)}\n`);
