import { open, realpath } from "node:fs/promises";
import { basename } from "node:path";
import { findExecutable } from "./executable.ts";

/** A Node.js executable whose version is known. */
export interface KnownNode {
  readonly path: string;
  /** As in `process.versions.node`. */
  readonly version: string;
}

export interface NodeSearch {
  /** Directories of programs, as in `PATH`. */
  readonly searchPath: string;
  readonly folder: string;
  /** The Node.js this host runs on. */
  readonly own: KnownNode;
}

/** Megabytes of address space that V8 maps writable for code it may compile, and does not use at once. */
const CODE_RANGE_MB = 512;
const FIRST_MAJOR_WITH_WRITABLE_CODE_RANGE = 23;
const NODE_NAMES = ["node", "nodejs"];
const HEAD_BYTES = 4_096;

/**
 * How many megabytes Node.js reserves as data without using them, or undefined if the program does not run on
 * Node.js. A script counts as one of Node.js if its beginning names it. A Node.js other than this host's own is
 * taken for one that reserves.
 */
export async function nodeReservationMb(program: string, search: NodeSearch): Promise<number | undefined> {
  const { own } = search;
  const node = await nodeOf(program, search);
  if (node === undefined) return undefined;
  const major = Number.parseInt(own.version, 10);
  const isOwn = (await resolved(node)) === (await resolved(own.path));
  return isOwn && major < FIRST_MAJOR_WITH_WRITABLE_CODE_RANGE ? 0 : CODE_RANGE_MB;
}

/** The Node.js that runs a program, as far as it can be told. */
async function nodeOf(program: string, search: NodeSearch): Promise<string | undefined> {
  const target = await resolved(program);
  const head = await readHead(target);
  if (head.startsWith("#!")) {
    if (!/\bnode(js)?\b/.test(head)) return undefined;
    const interpreter = /^#!\s*(\/\S*\/node(?:js)?)(?=\s|$)/.exec(head)?.[1];
    return interpreter ?? (await findExecutable("node", search)).path ?? program;
  }
  const isNode = target === (await resolved(search.own.path));
  return isNode || [program, target].some((path) => NODE_NAMES.includes(basename(path))) ? target : undefined;
}

function resolved(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

/** The first bytes of a file; nothing of one that may be executed but not read. */
async function readHead(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (!file) return "";
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
}
