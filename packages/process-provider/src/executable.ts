import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, resolve } from "node:path";

/** Where a program is, or why it cannot be run. */
export type ExecutableSearch =
  | { readonly path: string }
  | { readonly path: undefined; readonly reason: "missing" | "forbidden" };

/** Looks a program up as the system would: names in `searchPath`, paths relative to `folder`. */
export async function findExecutable(
  program: string,
  place: { readonly searchPath: string; readonly folder: string },
): Promise<ExecutableSearch> {
  const candidates = program.includes("/")
    ? [resolve(place.folder, program)]
    : place.searchPath
        .split(delimiter)
        .filter((entry) => entry.startsWith("/"))
        .map((entry) => resolve(entry, program));
  let reason: "missing" | "forbidden" = "missing";
  for (const path of candidates) {
    const found = await stat(path).catch(() => undefined);
    if (!found) continue;
    if (found.isFile() && (await isExecutable(path))) return { path };
    reason = "forbidden";
  }
  return { path: undefined, reason };
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
