import { type JsonRpcMessage, PlatformError, type Transport } from "@moorage/core";

/** The far end of a connection in memory: what it does with a message, and what happens when the end comes. */
export interface FakePeer {
  receive(message: JsonRpcMessage): void;
  ended(): void;
}

/** A connection in memory, seen from the side of the server. */
export interface FakeConnection {
  /** The caller's side, to be started and closed like any other. */
  readonly transport: Transport;
  /** Ends it from the server's side. */
  end(): void;
}

/**
 * Joins a {@link Transport} to a peer in the same process. Messages are copied and arrive in order, but never
 * before the sender's own code has run on, as over a real pipe.
 */
export function fakeConnection(
  openPeer: (send: (message: JsonRpcMessage) => void) => FakePeer,
): FakeConnection {
  let state: "new" | "open" | "ended" = "new";

  function later(work: () => void): void {
    queueMicrotask(() => {
      if (state !== "open") return;
      try {
        work();
      } catch (error) {
        transport.onerror?.(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  const peer = openPeer((message) => {
    const copy = structuredClone(message);
    later(() => transport.onmessage?.(copy));
  });

  function end(): void {
    if (state === "ended") return;
    state = "ended";
    peer.ended();
    transport.onclose?.();
  }

  const transport: Transport = {
    async start() {
      if (state !== "new") throw unavailable(state === "open" ? "was started already" : "has ended");
      state = "open";
    },
    async send(message) {
      if (state !== "open") throw unavailable(state === "new" ? "was not started" : "has ended");
      const copy = structuredClone(message);
      later(() => peer.receive(copy));
    },
    async close() {
      end();
    },
  };
  return { transport, end };
}

function unavailable(what: string): PlatformError {
  return new PlatformError(
    "UPSTREAM_UNAVAILABLE",
    `The connection ${what}; open another one with connect().`,
  );
}
