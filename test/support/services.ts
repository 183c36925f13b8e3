import pg from "pg";
import type { TestProject } from "vitest/node";
import "./postgres.ts";

const HOST = "127.0.0.1:5432";
const ANSWER_MS = 1_000;

/** Finds the services that tests use where they exist, once before all tests. */
export default async function setup(project: TestProject): Promise<void> {
  const urls = candidates(process.env);
  const answers = await Promise.all(urls.map(doesAnswer));
  const url = urls.find((_, index) => answers[index]) ?? null;
  if (url === null) console.log(`Postgres: not reachable on ${place(urls)}, its tests are skipped`);
  project.provide("postgresUrl", url);
}

/** Where a Postgres for tests may be, best first. */
export function candidates(environment: NodeJS.ProcessEnv): readonly string[] {
  const configured = environment.MOORAGE_TEST_POSTGRES_URL;
  if (configured) return [configured];
  const users = [environment.PGUSER, "root", "postgres"].filter((user) => user !== undefined && user !== "");
  return [...new Set(users)].map((user) => `postgres://${user}@${HOST}/test`);
}

// Without user and password.
function place(urls: readonly string[]): string {
  const [url = ""] = urls;
  return URL.canParse(url) ? new URL(url).host : "MOORAGE_TEST_POSTGRES_URL";
}

async function doesAnswer(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ANSWER_MS });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
