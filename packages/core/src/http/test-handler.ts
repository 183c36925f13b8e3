import type { Logger } from "../logger.ts";
import type { HttpDeps } from "./dependencies.ts";
import { createHttpHandler } from "./handler.ts";
import { ManualClock } from "./test-events.ts";
import { ALICE } from "./test-rows.ts";
import { testServices } from "./test-services.ts";

export interface LogEntry {
  readonly level: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A handler on {@link testServices}, with `Bearer alice` and the access token `moorage_good` as the known credentials. */
export function testHandler(overrides: Partial<HttpDeps> = {}) {
  const services = testServices();
  const clock = new ManualClock();
  const logs: LogEntry[] = [];
  const log = (level: string) => (details: object, message: string) =>
    void logs.push({ level, details: { ...details }, message });
  const logger: Logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
  const consumed: string[] = [];
  const deps: HttpDeps = {
    services,
    authenticate: (request) => (request.headers.get("authorization") === "Bearer alice" ? ALICE : null),
    authenticateToken: async (token) =>
      token === "moorage_good" ? { id: "alice", instanceId: "instance-1" } : null,
    rateLimits: { consume: async (rule) => void consumed.push(rule) },
    requestBytes: 2_000,
    basePath: "/moorage",
    logger,
    clock,
    health: async () => ({ database: "ok" }),
    plugins: new Map(),
    ...overrides,
  };
  const handler = createHttpHandler(deps);
  /** Sends a request below the base path, as alice; `json` becomes the body. */
  const send = (path: string, init: RequestInit & { readonly json?: unknown } = {}) => {
    const { json, ...rest } = init;
    const headers = new Headers({ authorization: "Bearer alice" });
    if (json !== undefined) headers.set("content-type", "application/json");
    new Headers(init.headers).forEach((value, name) => {
      headers.set(name, value);
    });
    const body = json === undefined ? {} : { method: "POST", body: JSON.stringify(json) };
    return handler(new Request(`http://host.test/moorage${path}`, { ...body, ...rest, headers }));
  };
  return { deps, handler, send, services, clock, logs, consumed };
}

/** The code and the details of an error body, after checking that it has the one shape that error bodies have. */
export async function problemOf(response: Response) {
  const body = (await response.json()) as {
    readonly error: {
      readonly code: string;
      readonly message: string;
      readonly details: { readonly issues?: readonly { readonly path: string }[] } | null;
      readonly retryable: boolean;
    };
  };
  const members = Object.keys(body.error).join();
  if (members !== "code,message,details,retryable") throw new Error(`unexpected members: ${members}`);
  return { ...body.error, status: response.status };
}
