import { expect, it } from "vitest";
import { ROOT } from "../support/architecture/source-files.ts";
import { startProgram } from "../support/programs.ts";

it("serves the platform beside the host's own page, and ends on SIGTERM", { timeout: 60_000 }, async () => {
  const env = { PORT: "0" };
  const program = startProgram("npm", ["run", "--silent", "example:fastify"], { cwd: ROOT, env });
  const [, base = ""] = await program.untilOutput(/^listening on (http:\/\/127\.0\.0\.1:\d+\/moorage)$/m);

  expect(await (await fetch(base.replace("/moorage", "/"))).text()).toBe("the host's own page");
  expect((await fetch(`${base}/instances`)).status).toBe(401);
  const headers = { authorization: "Bearer alice-token", "content-type": "application/json" };
  const list = await fetch(`${base}/instances`, { headers });
  expect([list.status, await list.json()]).toEqual([200, { items: [], nextCursor: null }]);

  const definition = {
    name: "clock",
    description: "Tells the time.",
    packages: [{ registryType: "command", command: "clock" }],
  };
  const made = await fetch(`${base}/servers`, { method: "POST", headers, body: JSON.stringify(definition) });
  const { id } = (await made.json()) as { readonly id: string };
  const read = await fetch(`${base}/servers/${id}`, { headers });
  expect([made.status, read.status, await read.json()]).toEqual([
    201,
    200,
    expect.objectContaining({ name: "clock" }),
  ]);

  program.child.kill("SIGTERM");
  expect(await program.ended, program.output()).toBe(0);
});
