import { describe, expect, it } from "vitest";
import { routeTable } from "./routes/table.ts";
import { testHandler } from "./test-handler.ts";

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: Readonly<Record<string, unknown>>;
  }[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, { readonly schema: object }>>;
  };
  readonly responses: Readonly<Record<string, object>>;
}

interface Document {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

async function document(): Promise<Document> {
  const response = await testHandler().send("/openapi.json");
  return (await response.json()) as Document;
}

const bodySchema = (operation: Operation | undefined) =>
  operation?.requestBody?.content["application/json"]?.schema;

const operationsOf = ({ paths }: Document) => Object.values(paths).flatMap((path) => Object.values(path));

describe("GET /openapi.json", () => {
  it("is OpenAPI 3.1 relative to the base path", async () => {
    const { openapi, servers } = await document();
    expect(openapi).toMatch(/^3\.1\.\d+$/);
    expect(servers).toEqual([{ url: "/moorage" }]);
  });

  it("has every route of the table, the MCP endpoint and the plugins, and nothing else", async () => {
    const { paths } = await document();
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(documented.sort()).toEqual(
      [
        ...routeTable.map(({ method, path }) => `${method} ${path}`),
        ...["delete", "get", "post"].map((method) => `${method} /instances/{id}/mcp`),
        ...["get", "post"].map((method) => `${method} /plugins/{name}/{path}`),
      ].sort(),
    );
  });

  it("names each operation once, and says what it is for and how it fails", async () => {
    const operations = operationsOf(await document());
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { summary, responses } of operations) {
      expect(summary).toMatch(/\.$/);
      expect(Object.keys(responses)).toContain("default");
      expect(Object.keys(responses).some((status) => status.startsWith("2"))).toBe(true);
    }
  });

  it("declares exactly the parameters of each path", async () => {
    for (const [path, methods] of Object.entries((await document()).paths)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      for (const { parameters = [] } of Object.values(methods)) {
        const inPath = parameters.filter((parameter) => parameter.in === "path");
        expect(inPath.map(({ name }) => name)).toEqual(names);
        expect(inPath.every(({ required }) => required === true)).toBe(true);
      }
    }
  });

  it("has no reference that leads nowhere", async () => {
    const described = await document();
    const references = [...JSON.stringify(described).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(50);
    for (const [, section = "", name = ""] of references) {
      expect(described.components[section]).toHaveProperty(name);
    }
  });

  it("shows the real shapes of what goes in", async () => {
    const { paths, components } = await document();
    expect(components.schemas).toMatchObject({
      Instance: { properties: { state: { enum: expect.arrayContaining(["running"]) } } },
    });
    expect(bodySchema(paths["/servers"]?.post)).toMatchObject({
      required: ["name", "description"],
      properties: { visibility: { default: "private" }, packages: { type: "array" } },
      additionalProperties: false,
    });
    const changes = bodySchema(paths["/servers/{id}"]?.patch);
    expect(changes).toMatchObject({ properties: { visibility: { enum: ["private", "public"] } } });
    expect(changes).not.toHaveProperty("required");
    expect(changes).not.toHaveProperty("properties.visibility.default");
    expect(paths["/instances"]?.post?.requestBody).toMatchObject({
      required: true,
      content: { "application/json": { schema: { required: ["serverId"], additionalProperties: false } } },
    });
    expect(paths["/instances/{id}/tools/{name}"]?.post?.requestBody?.required).toBe(false);
    expect(paths["/servers"]?.get?.parameters).toContainEqual({
      name: "limit",
      in: "query",
      required: false,
      schema: { type: "integer", minimum: 1, maximum: 200 },
    });
  });

  it("asks for credentials everywhere but where none are needed", async () => {
    const described = await document();
    const open = operationsOf(described).filter(({ security }) => security?.length === 0);
    expect(open.map(({ operationId }) => operationId).sort()).toEqual([
      "getHealth",
      "getOpenApiDocument",
      "getPlugin",
      "postPlugin",
    ]);
    expect(described.components.securitySchemes).toHaveProperty("bearer");
  });

  it("describes every answer as it is given", async () => {
    const { send } = testHandler();
    const gets = routeTable.filter(
      ({ method, path }) => method === "get" && path !== "/events/stream" && path !== "/openapi.json",
    );
    for (const { path, documentation } of gets) {
      const id = path.startsWith("/servers") ? "server-1" : "instance-1";
      const response = await send(path.replace("{id}", id).replace("{name}", "TOKEN"));
      const described = documentation.responses["200"];
      if (!described || !("content" in described)) throw new Error(`${path} has no schema`);
      const media = described.content?.["application/json"];
      if (!media || !("schema" in media) || !media.schema || !("parse" in media.schema)) {
        throw new Error(`${path} has no zod schema`);
      }
      const body: unknown = await response.json();
      expect(media.schema.parse(body)).toEqual(body);
    }
  });
});
