import type { Clock, PlatformError, Transport } from "@moorage/core";
import { TAGS } from "./identity.ts";
import { type InstanceLogs, LogIntake } from "./logs.ts";
import type { ProcessEntry, ProcessTable } from "./process-table.ts";
import type { ExitStatus, ServerProcess } from "./spawn.ts";
import { StdioTransport } from "./stdio-transport.ts";
import { holdOpen, terminate } from "./terminate.ts";

export interface ServerChildOptions {
  readonly server: ServerProcess;
  readonly logs: InstanceLogs;
  readonly clock: Clock;
  readonly table: ProcessTable;
  readonly maxLineBytes: number;
  /** Milliseconds of the stop that closing its connection brings about. */
  readonly stopGraceMs: number;
  /** The tags it was started with, which all that descends from it carries. */
  readonly tags: Readonly<Record<string, string>>;
}

/** One process of a server, its one connection, and what it writes besides messages. */
export class ServerChild {
  readonly server: ServerProcess;
  /** Whether somebody has taken the connection. */
  isTaken = false;
  /** Settles when it has ended by itself or was ended, and its output was read. */
  readonly ended: Promise<void>;
  /** Settles when nothing that it started is left either, or all was tried. */
  readonly settled: Promise<void>;
  readonly #options: ServerChildOptions;
  readonly #errors: LogIntake;
  readonly #transport: StdioTransport;
  #failure: PlatformError | undefined;
  #ending: Promise<void> | undefined;
  #wasAsked = false;
  #group: ReadonlySet<string> = new Set();

  constructor(options: ServerChildOptions) {
    const { server, logs, clock, maxLineBytes } = options;
    this.#options = options;
    this.server = server;
    this.#errors = new LogIntake(logs, "stderr");
    server.stderr.on("data", (chunk: Buffer) => this.#errors.push(chunk));
    this.ended = this.#watch();
    this.settled = this.ended.then(() => this.#sweep());
    this.#transport = new StdioTransport({
      server,
      clock,
      maxLineBytes,
      ended: this.ended,
      onNoise: (line) => logs.add("stdout", line),
      onFrameTooLarge: (error) => this.#fail(error),
      end: () => this.end(options.stopGraceMs),
      reason: () => this.describeEnd(),
    });
  }

  /** Whether it was asked to end. */
  get isEnding(): boolean {
    return this.#ending !== undefined;
  }

  /** Whether it ended although nobody had asked it to. */
  get hasFailed(): boolean {
    return this.server.exit !== undefined && !this.#wasAsked;
  }

  /** The one connection this process can have. */
  take(): Transport {
    this.isTaken = true;
    return this.#transport;
  }

  /** Ends it with everything it started. Repeated calls share the first one's stages. */
  end(graceMs: number): Promise<void> {
    const { clock, table } = this.#options;
    this.#ending ??= holdOpen(
      terminate(this.server, { clock, table, graceMs, members: () => this.members() }).then(() => this.ended),
    ).catch((error: unknown) => {
      // What could not be ended now may be tried again.
      this.#ending = undefined;
      throw error;
    });
    return this.#ending;
  }

  /** Why it ended, in words. */
  describeEnd(): string {
    if (this.#failure) return this.#failure.message.replace(/\.$/, "");
    const { exit } = this.server;
    if (!exit) return "it was closed";
    return this.#wasAsked ? "it was stopped" : describeExit(exit);
  }

  /** Live processes that this one is or started, whether they stayed in its group and kept its marks or not. */
  async members(): Promise<ProcessEntry[]> {
    const { tags, table } = this.#options;
    const entries = await table.scan();
    // Until its end is known its pid, and with it the group's, is not given to anybody else.
    if (this.server.exit === undefined) this.#rememberGroup(entries);
    return entries.filter(
      (entry) =>
        this.#group.has(keyOf(entry)) ||
        [TAGS.host, TAGS.child].every((name) => entry.tags[name] === tags[name]),
    );
  }

  /** Stores what was held back of its output. */
  flushLogs(): void {
    this.#errors.flush();
  }

  #rememberGroup(entries: readonly ProcessEntry[]): void {
    const group = entries.filter((entry) => entry.groupId === this.server.pid);
    this.#group = new Set(group.map(keyOf));
  }

  async #watch(): Promise<void> {
    let output: LogIntake | undefined;
    this.server.onExit(() => {
      this.#wasAsked = this.isEnding;
      // Nobody ever listened to it: what it printed may say why it ended.
      if (this.server.stdout.listenerCount("data") === 0) output = this.#logOutput();
    });
    await this.server.exited;
    await this.server.drain();
    output?.end();
    this.#errors.end();
  }

  #logOutput(): LogIntake {
    const intake = new LogIntake(this.#options.logs, "stdout");
    this.server.stdout.on("data", (chunk: Buffer) => intake.push(chunk));
    return intake;
  }

  /** Its group was killed the moment it ended by itself; this is for what had left the group. */
  async #sweep(): Promise<void> {
    const isNeeded = this.isEnding || (await this.members()).length > 0;
    // What cannot be killed now is found by its marks at the next launch.
    if (isNeeded) await this.end(0).catch(() => {});
  }

  #fail(error: PlatformError): void {
    this.#failure = error;
    this.server.signal("SIGKILL");
  }
}

function keyOf({ pid, startTicks }: ProcessEntry): string {
  return `${pid}.${startTicks}`;
}

function describeExit({ code, signal }: ExitStatus): string {
  return signal ? `it was ended by ${signal}` : `it exited with code ${code}`;
}
