// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders in plain text are what is tested
import { describe, expect, it } from "vitest";
import { isPlatformError } from "../errors.ts";
import { serverDefinitionSchema } from "./definition-schema.ts";
import { readImport } from "./import.ts";
import type { ServerDefinitionInput } from "./server-definition.ts";

function read(source: unknown): readonly ServerDefinitionInput[] {
  return readImport(source).map(({ definition }) => serverDefinitionSchema.parse(definition));
}

function readOne(source: unknown): ServerDefinitionInput {
  const [server] = read(source);
  if (!server) throw new Error("nothing was read");
  return server;
}

function refusal(source: unknown) {
  try {
    read(source);
  } catch (error) {
    if (isPlatformError(error, "INVALID_INPUT")) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

const brave = {
  $schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
  name: "io.modelcontextprotocol.anonymous/brave-search",
  title: "Brave Search",
  description: "MCP server for Brave Search API integration",
  version: "1.0.2",
  websiteUrl: "https://example.com/docs",
  repository: {
    url: "https://github.com/modelcontextprotocol/servers",
    source: "github",
    subfolder: "src/brave",
  },
  icons: [{ src: "https://example.com/icon.png", mimeType: "image/png" }],
  packages: [
    {
      registryType: "npm",
      identifier: "@modelcontextprotocol/server-brave-search",
      version: "1.0.2",
      runtimeHint: "npx",
      runtimeArguments: [{ type: "named", name: "-y" }],
      packageArguments: [
        { type: "positional", valueHint: "mode", value: "serve" },
        { type: "named", name: "--log-level", default: "info" },
        { type: "named", name: "--verbose" },
        { type: "named", name: "--dir", value: "/data/{team}", variables: { team: { default: "core" } } },
        { type: "named", name: "--cache", valueHint: "folder" },
      ],
      transport: { type: "stdio" },
      environmentVariables: [
        { name: "BRAVE_API_KEY", description: "Brave Search API Key", isRequired: true, isSecret: true },
        { name: "RESULTS", format: "number", default: "10" },
        { name: "MODE", choices: ["web", "news"], value: "web" },
      ],
    },
  ],
  _meta: { "io.modelcontextprotocol.registry/publisher-provided": { tool: "publisher-cli" } },
};

describe("a registry server.json", () => {
  it("becomes a definition", () => {
    expect(readOne(brave)).toMatchObject({
      name: "io.modelcontextprotocol.anonymous/brave-search",
      title: "Brave Search",
      version: "1.0.2",
      packages: [
        {
          registryType: "npm",
          identifier: "@modelcontextprotocol/server-brave-search",
          version: "1.0.2",
          args: ["serve", "--log-level", "info", "--verbose", "--dir", "/data/core"],
          transport: { type: "stdio" },
          environmentVariables: [
            { name: "BRAVE_API_KEY", type: "string", isRequired: true, isSecret: true, default: null },
            { name: "RESULTS", type: "number", isRequired: false, default: "10" },
            { name: "MODE", choices: ["web", "news"], default: "web" },
          ],
        },
      ],
      metadata: {
        websiteUrl: "https://example.com/docs",
        notes: ["packages.0.packageArguments.4 (--cache) was left out: it has no value."],
      },
    });
  });

  it("may be wrapped as the registry answers it", () => {
    const meta = { "io.modelcontextprotocol.registry/official": { status: "active", isLatest: true } };
    expect(readOne({ server: brave, _meta: meta })).toEqual(readOne(brave));
  });

  it("becomes remotes with headers, a template of secrets being asked for as a whole", () => {
    const { remotes } = readOne({
      name: "com.example/remote",
      description: "Remote",
      version: "1",
      remotes: [
        {
          type: "streamable-http",
          url: "https://{region}.example.com/mcp",
          variables: { region: { default: "eu" } },
          headers: [
            {
              name: "Authorization",
              description: "Your key.",
              value: "Bearer {key}",
              variables: { key: { isSecret: true, isRequired: true } },
            },
            { name: "X-Team", value: "core" },
          ],
        },
        { type: "sse", url: "https://example.com/sse" },
      ],
    });
    expect(remotes).toEqual([
      {
        type: "streamable-http",
        url: "https://eu.example.com/mcp",
        headers: [
          expect.objectContaining({
            name: "Authorization",
            description: "Your key. Write it as: Bearer {key}",
            isRequired: true,
            isSecret: true,
            default: null,
          }),
          expect.objectContaining({ name: "X-Team", isSecret: false, default: "core" }),
        ],
      },
      { type: "sse", url: "https://example.com/sse", headers: [] },
    ]);
  });

  it("keeps no secret that somebody wrote into it", () => {
    const environmentVariables = [
      { name: "A", isSecret: true, default: "hunter2" },
      { name: "B", value: `ghp_${"x".repeat(36)}` },
      { name: "C", value: "{c}", variables: { c: { isSecret: true, value: "hunter2" } } },
    ];
    const server = readOne({ ...brave, packages: [{ ...brave.packages[0], environmentVariables }] });
    expect(JSON.stringify(server)).not.toMatch(/hunter2|ghp_/);
    expect(server.packages[0]?.environmentVariables.map((one) => [one.isSecret, one.default])).toEqual([
      [true, null],
      [true, null],
      [true, null],
    ]);
    expect(server.metadata.notes).toContain(
      "packages.0.environmentVariables.0 (A): its value looks secret and was not kept.",
    );
  });

  it("puts registry, image and tag of older files together", () => {
    const image = (candidate: object) =>
      readOne({ ...brave, packages: [{ registryType: "oci", transport: { type: "stdio" }, ...candidate }] })
        .packages[0];
    expect(image({ identifier: "mcp/git", version: "1.2" })).toMatchObject({ identifier: "mcp/git:1.2" });
    expect(image({ identifier: "ghcr.io/a/b:1.0" })).toMatchObject({ identifier: "ghcr.io/a/b:1.0" });
    expect(image({ identifier: "a/b", version: "1", registryBaseUrl: "https://ghcr.io" })).toMatchObject({
      identifier: "ghcr.io/a/b:1",
    });
    expect(image({ identifier: "a/b", registryBaseUrl: "https://docker.io" })).not.toHaveProperty("version");
  });

  it("leaves out packages that cannot be run here while another way remains, and says so", () => {
    const mcpb = {
      registryType: "mcpb",
      identifier: "https://x.example/a.mcpb",
      transport: { type: "stdio" },
    };
    const server = readOne({ ...brave, packages: [mcpb, ...brave.packages] });
    expect(server.packages).toHaveLength(1);
    expect(server.metadata.notes).toContain(
      'packages.0.registryType was left out: "mcpb" packages cannot be run here, only npm, pypi, oci.',
    );
    const nuget = { ...mcpb, registryType: "nuget", identifier: "Some.Server" };
    const error = refusal({ ...brave, packages: [mcpb, nuget] });
    expect(error.details?.issues.map(({ path }) => path)).toEqual([
      "packages.0.registryType",
      "packages.1.registryType",
    ]);
    expect(error.message).toContain('"nuget" packages cannot be run here');
  });

  it.each([
    [
      { runtimeArguments: [{ type: "named", name: "--mount", value: "type=bind,src=/,dst=/x" }] },
      "packages.0.runtimeArguments.0",
    ],
    [{ runtimeArguments: [{ type: "positional", value: "-c" }] }, "packages.0.runtimeArguments.0"],
    [{ registryBaseUrl: "https://npm.evil.example" }, "packages.0.registryBaseUrl"],
    [
      { packageArguments: [{ type: "positional", valueHint: "path", isRequired: true }] },
      "packages.0.packageArguments.0",
    ],
    [
      { packageArguments: [{ type: "named", name: "--key", isSecret: true, isRequired: true, value: "x" }] },
      "packages.0.packageArguments.0",
    ],
    [{ transport: { type: "websocket" } }, "packages.0.transport.type"],
    [{ identifier: 1 }, "packages.0.identifier"],
  ])("is refused with %j", (changes, path) => {
    const error = refusal({ ...brave, packages: [{ ...brave.packages[0], ...changes }] });
    expect(error.details?.issues.map((issue) => issue.path)).toEqual([path]);
  });

  it.each(["https://pypi.org", "https://pypi.org/simple/"])(
    "may name the public registry, as %s",
    (registryBaseUrl) => {
      const pypi = { ...brave.packages[0], registryType: "pypi", runtimeHint: "uvx", registryBaseUrl };
      const [server] = readImport({ ...brave, packages: [pypi] });
      expect(server?.definition.packages).toMatchObject([{ registryType: "pypi" }]);
    },
  );

  it("is refused with an address that nobody has filled in", () => {
    const error = refusal({
      ...brave,
      remotes: [{ type: "sse", url: "https://{tenant}.example.com", variables: { tenant: {} } }],
    });
    expect(error.message).toContain("remotes.0.url: has placeholders without a value: tenant");
  });
});

const claude = {
  mcpServers: {
    filesystem: {
      command: "npx",
      args: ["-y", "@modelcontextprotocol/server-filesystem@2025.8.21", "/srv/files"],
      env: { LOG_LEVEL: "debug", API_TOKEN: "hunter2", PORT: 8080 },
    },
    git: { command: "uvx", args: ["mcp-server-git", "--repository", "/srv/repo"] },
    github: {
      command: "docker",
      args: [
        "run",
        "-i",
        "--rm",
        "-e",
        "GITHUB_TOKEN",
        "-e",
        "MODE=read",
        "ghcr.io/github/github-mcp-server:1.0",
        "stdio",
      ],
      env: { GITHUB_TOKEN: "${GITHUB_PAT}" },
    },
    local: { type: "stdio", command: "/opt/servers/echo", args: ["--fast"] },
    remote: {
      type: "http",
      url: "https://mcp.example.com/mcp",
      headers: { Authorization: "Bearer ${TOKEN}", "X-Team": "core" },
    },
    legacy: { url: "https://mcp.example.com/sse", type: "sse" },
  },
};

describe("an mcpServers configuration", () => {
  it("becomes one definition per server, packages where the command is plain", () => {
    const servers = Object.fromEntries(read(claude).map((server) => [server.name, server]));
    expect(Object.keys(servers)).toEqual(Object.keys(claude.mcpServers));
    expect(servers.filesystem?.packages[0]).toMatchObject({
      registryType: "npm",
      identifier: "@modelcontextprotocol/server-filesystem",
      version: "2025.8.21",
      args: ["/srv/files"],
    });
    expect(servers.git?.packages[0]).toMatchObject({ registryType: "pypi", identifier: "mcp-server-git" });
    expect(servers.github?.packages[0]).toMatchObject({
      registryType: "oci",
      identifier: "ghcr.io/github/github-mcp-server:1.0",
      args: ["stdio"],
      environmentVariables: [
        { name: "GITHUB_TOKEN", isRequired: true, isSecret: true, default: null },
        { name: "MODE", default: "read" },
      ],
    });
    expect(servers.local?.packages[0]).toMatchObject({
      registryType: "command",
      command: "/opt/servers/echo",
    });
    expect(servers.remote?.remotes[0]).toMatchObject({
      type: "streamable-http",
      headers: [
        { name: "Authorization", isSecret: true, isRequired: true, default: null },
        { name: "X-Team", default: "core" },
      ],
    });
    expect(servers.legacy?.remotes[0]?.type).toBe("sse");
  });

  it("keeps literals as defaults, and no literal that looks like a secret", () => {
    const env = {
      LOG_LEVEL: "debug",
      EMPTY: "",
      API_TOKEN: "hunter2",
      DATABASE: "postgres://user:hunter2@db.example/x",
      SOMETHING: "sk-hunter2hunter2",
      ON: true,
    };
    const server = readOne({ mcpServers: { a: { command: "x", env } } });
    expect(JSON.stringify(server)).not.toContain("hunter2");
    const variables = server.packages[0]?.environmentVariables ?? [];
    expect(
      Object.fromEntries(variables.map((one) => [one.name, one.isSecret ? "secret" : one.default])),
    ).toEqual({
      LOG_LEVEL: "debug",
      EMPTY: "",
      API_TOKEN: "secret",
      DATABASE: "secret",
      SOMETHING: "secret",
      ON: "true",
    });
    expect(server.metadata.notes).toEqual(
      ["API_TOKEN", "DATABASE", "SOMETHING"].map(
        (name) => `env.${name}: its value looks secret and was not kept.`,
      ),
    );
  });

  it("reads placeholders: required without a default, optional with one", () => {
    const env = {
      A: "${A}",
      B: "${B:-eu}",
      C: "${env:C}",
      D: "x-${D}-y",
      MY_KEY: "${K:-hunter2}",
      E: "$NOT",
    };
    const [candidate] = readOne({ mcpServers: { a: { command: "x", env } } }).packages;
    expect(
      candidate?.environmentVariables.map((one) => [one.name, one.isRequired, one.isSecret, one.default]),
    ).toEqual([
      ["A", true, false, null],
      ["B", false, false, "eu"],
      ["C", true, false, null],
      ["D", true, false, null],
      ["MY_KEY", true, true, null],
      ["E", false, false, "$NOT"],
    ]);
  });

  it("fills defaults into commands, arguments and addresses, and refuses placeholders without one", () => {
    const server = (entry: object) => ({ mcpServers: { a: entry } });
    expect(
      readOne(server({ command: "${BIN:-my-server}", args: ["--dir=${DIR:-/srv}"] })).packages[0],
    ).toMatchObject({
      command: "my-server",
      args: ["--dir=/srv"],
    });
    expect(refusal(server({ command: "x", args: ["ok", "${DIR}"] })).details?.issues[0]?.path).toBe("args.1");
    expect(refusal(server({ url: "https://${HOST}/mcp" })).message).toContain(
      "url: has placeholders without a default (HOST)",
    );
  });

  it("refuses secrets in arguments and addresses, where everybody can read them", () => {
    const sources = [
      { command: "x", args: ["--key=sk-hunter2hunter2"] },
      { command: "x", args: ["ghp_hunter2"] },
      { command: "x", args: ["--header", "Authorization: Bearer hunter2"] },
      { url: "https://mcp.example.com/mcp?apiKey=hunter2" },
    ];
    for (const entry of sources) {
      const error = refusal({ mcpServers: { a: entry } });
      expect(error.message).toContain("looks like a secret");
      expect(JSON.stringify([error.message, error.details])).not.toContain("hunter2");
    }
  });

  it("unwraps cmd /c, as configurations for Windows have it", () => {
    const [candidate] = readOne({
      mcpServers: { a: { command: "cmd", args: ["/c", "npx", "-y", "server@1.0.0", "x"] } },
    }).packages;
    expect(candidate).toMatchObject({
      registryType: "npm",
      identifier: "server",
      version: "1.0.0",
      args: ["x"],
    });
  });

  it("takes @latest for no version and says what that means", () => {
    const server = readOne({ mcpServers: { a: { command: "npx", args: ["-y", "server@latest"] } } });
    expect(server.packages[0]).not.toHaveProperty("version");
    expect(server.metadata.notes).toEqual(["server has no exact version: each start may fetch another one."]);
  });

  it("makes names fit and keeps what they were as titles", () => {
    const [first, second] = read({
      mcpServers: { "My Server (new)": { command: "x" }, 日本: { command: "y" } },
    });
    expect(first).toMatchObject({ name: "My-Server-new-", title: "My Server (new)" });
    expect(second).toMatchObject({ name: "server", title: "日本" });
  });

  it("leaves out what only concerns a client, and says so", () => {
    const server = readOne({ mcpServers: { a: { command: "x", disabled: false, autoApprove: ["echo"] } } });
    expect(server.metadata.notes).toEqual(["Settings of the client were left out: disabled, autoApprove."]);
  });

  it.each([
    [{ command: "npx", args: ["-c", "touch /tmp/x"] }, "packages.0.args"],
    [{ command: "npx", args: ["-y", "github:user/repo"] }, "packages.0.args"],
    [{ command: "node", args: ["-e", "1"] }, "packages.0.args"],
    [{ command: "bash", args: ["-c", "id"] }, "packages.0.args"],
    [{ command: "cmd", args: ["/c", "dir"] }, "packages.0.command"],
    [{ command: "x", env: { NODE_OPTIONS: "--require=/tmp/x" } }, "packages.0.environmentVariables.0.name"],
  ])("is checked like any other definition: %j", (entry, path) => {
    const [found] = readImport({ mcpServers: { a: entry } });
    const issues = serverDefinitionSchema.safeParse(found?.definition).error?.issues;
    expect(issues?.map((issue) => issue.path.join("."))).toContain(path);
  });

  it.each([
    [{ command: "docker", args: ["run", "-v", "/:/host", "image"] }, "args.1"],
    [{ command: "docker", args: ["run", "--privileged", "image"] }, "args.1"],
    [{ command: "docker", args: ["run", "--network=host", "image"] }, "args.1"],
    [{ command: "docker", args: ["exec", "x", "sh"] }, "args.0"],
    [{ command: "docker", args: ["run", "-i"] }, "args.2"],
    [{ command: "x", cwd: "/srv" }, "cwd"],
    [{ command: "x", envFile: ".env" }, "envFile"],
    [{ url: "https://a.example", headersHelper: "sh" }, "headersHelper"],
    [{ type: "websocket", url: "wss://a.example" }, "type"],
    [{ type: "stdio", url: "https://a.example" }, "command"],
    [{ args: ["x"] }, "url"],
    [{ command: 1 }, "command"],
  ])("is refused with %j", (entry, path) => {
    expect(refusal({ mcpServers: { a: entry } }).details?.issues.map((issue) => issue.path)).toEqual([path]);
  });
});

describe("a servers configuration of VS Code", () => {
  it("is read together with its inputs", () => {
    const [candidate] = readOne({
      inputs: [
        { type: "promptString", id: "key", description: "Your key", password: true },
        { type: "pickString", id: "region", description: "Region", options: ["eu", "us"], default: "eu" },
      ],
      servers: {
        a: {
          type: "stdio",
          command: "npx",
          args: ["-y", "server@1.0.0"],
          env: { ACCESS: "${input:key}", REGION: "${input:region}", OTHER: "${input:none}" },
        },
      },
    }).packages;
    expect(candidate?.environmentVariables).toMatchObject([
      { name: "ACCESS", description: "Your key", isRequired: true, isSecret: true, default: null },
      { name: "REGION", description: "Region", isRequired: false, default: "eu", choices: ["eu", "us"] },
      { name: "OTHER", isRequired: true, isSecret: false, default: null },
    ]);
  });
});

describe("anything else", () => {
  it.each([
    [null],
    [1],
    ["{}"],
    [[]],
    [{}],
    [{ servers: [] }],
    [{ mcpServers: [] }],
    [{ name: "a" }],
    [{ mcpServers: {} }],
  ])("is refused: %j", (source) => expect(refusal(source).code).toBe("INVALID_INPUT"));

  it("is refused when it is nested without end", () => {
    let deep: object = {};
    for (let level = 0; level < 50_000; level += 1) deep = { mcpServers: deep };
    expect(refusal({ mcpServers: deep }).code).toBe("INVALID_INPUT");
  });

  it("is refused when a configuration names too many servers", () => {
    const many = Object.fromEntries(
      Array.from({ length: 101 }, (_, index) => [`s${index}`, { command: "x" }]),
    );
    expect(refusal({ mcpServers: many }).message).toContain("must name 1 to 100 servers");
  });
});
