import type { RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A server on 127.0.0.1, for tests. */
export interface Served {
  /** `http://127.0.0.1:port`. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Listens on a free port. */
export async function serveServer(server: Server): Promise<Served> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { origin: `http://127.0.0.1:${port}`, close };
}

/** An Express app is a listener. */
export function serveExpress(app: RequestListener): Promise<Served> {
  return serveServer(createServer(app));
}

/** A Fastify app listens by itself. */
export async function serveFastify(app: {
  readonly server: Server;
  listen(options: { readonly port: number; readonly host: string }): Promise<string>;
  close(): Promise<unknown>;
}): Promise<Served> {
  const origin = await app.listen({ port: 0, host: "127.0.0.1" });
  const close = async () => {
    app.server.closeAllConnections();
    await app.close();
  };
  return { origin, close };
}
