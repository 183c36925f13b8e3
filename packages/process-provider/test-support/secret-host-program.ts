import { processProvider } from "../src/index.ts";
import { ANSWERING, launchOf } from "./children.ts";

// A host for the tests to kill, with a server whose secret is delivered by file.
const [stateDirectory = "", secretDirectory = ""] = process.argv.slice(2);
const provider = processProvider({ stateDirectory, secretDirectory });
const request = launchOf(ANSWERING, {
  instanceId: "sealed",
  environment: { TOKEN: "left behind" },
  secretNames: ["TOKEN"],
  secretDelivery: "file",
});
process.stdout.write(`${JSON.stringify({ id: (await provider.launch(request)).id })}\n`);
