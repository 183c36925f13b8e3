import { Agent, request } from "node:http";

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One request over a kept connection; a thin client, so that it is the server that is measured. */
export function send(
  url: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
  } = {},
): Promise<Answer> {
  const text = options.body === undefined ? undefined : JSON.stringify(options.body);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        agent,
        method: options.method ?? "GET",
        headers: {
          authorization: "Bearer bench-token",
          accept: "application/json, text/event-stream",
          ...(text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
          ...options.headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const body = Buffer.concat(chunks).toString("utf8");
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(text);
  });
}

/** Sends, and throws unless the status is the expected one and the body holds `needle`. */
export async function expectAnswer(
  url: string,
  options: Parameters<typeof send>[1],
  expected: { readonly status: number; readonly needle?: string },
): Promise<Answer> {
  const answer = await send(url, options);
  const right = answer.status === expected.status && answer.body.includes(expected.needle ?? "");
  if (!right)
    throw new Error(`${options?.method ?? "GET"} ${url}: ${answer.status} ${answer.body.slice(0, 500)}`);
  return answer;
}

export function closeConnections(): void {
  agent.destroy();
}
