/** Any JSON-RPC 2.0 message of MCP. Unknown members are kept: messages are forwarded, not interpreted. */
export interface JsonRpcMessage {
  readonly jsonrpc: "2.0";
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/**
 * One MCP connection. Structurally the `Transport` of the official SDK, in its versions 1 and 2, so that
 * theirs may be passed here. Set the callbacks, then `start`. `onclose` is called once, however it ends.
 */
export interface Transport {
  start(): Promise<void>;
  /** Settles when the message was handed over, and rejects when the connection ended before that. */
  send(message: JsonRpcMessage): Promise<void>;
  close(): Promise<void>;
  /** Told once, with the revision that `initialize` agreed on; for transports that send it with every message. */
  setProtocolVersion?(version: string): void;
  onmessage?: (message: JsonRpcMessage) => void;
  onerror?: (error: Error) => void;
  onclose?: () => void;
}
