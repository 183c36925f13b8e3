import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";

interface Manifest {
  readonly exports: Record<string, string | { readonly "@moorage/source"?: string }>;
}

/** Every package is built the same way: one entry per `exports` subpath, taken from its `@moorage/source` condition. */
function sourceEntries(): string[] {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  return Object.values(manifest.exports).flatMap((target) =>
    typeof target === "string" ? [] : (target["@moorage/source"] ?? []),
  );
}

export default defineConfig({
  entry: sourceEntries(),
  format: ["esm", "cjs"],
  dts: true,
  clean: true,
  sourcemap: true,
  splitting: true,
  // `import.meta.url` in the CommonJS form, for what finds its own files.
  shims: true,
  target: "node20",
  platform: "node",
  tsconfig: "../../tsconfig.json",
});
