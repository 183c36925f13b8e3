// Looks at every published package as its users will get it: packed, unpacked elsewhere, imported and required.
// Needs `npm run build` first, and no network.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../", import.meta.url));

/** Vitest refuses `require()`, so what is built on it can only be imported, and only inside a test run. */
const ONLY_INSIDE_VITEST = new Set(["@moorage/testing/suites"]);

async function publishedPackages() {
  const folders = await readdir(join(root, "packages"));
  const all = await Promise.all(
    folders.map(async (name) => {
      const folder = join(root, "packages", name);
      return { folder, manifest: JSON.parse(await readFile(join(folder, "package.json"), "utf8")) };
    }),
  );
  return all.filter(({ manifest }) => manifest.private !== true);
}

async function pack({ folder }, target) {
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", target], { cwd: folder });
  return join(target, JSON.parse(stdout)[0].filename);
}

async function publintProblems({ folder, manifest }) {
  const { messages } = await publint({ pkgDir: folder, strict: true, pack: false });
  return messages.map((message) => `publint: ${formatMessage(message, manifest)}`);
}

async function attwProblems(tarball) {
  const cli = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
  // The profile leaves out only the resolution of Node 10, which knows no `exports`.
  const options = ["--profile", "node16", "--format", "ascii", "--no-color", "--no-emoji"];
  try {
    await run(process.execPath, [cli, tarball, ...options], { cwd: tmpdir() });
    return [];
  } catch (error) {
    return [`attw: ${error.stdout || error.message}`];
  }
}

/** Types must come from `@moorage/core` by import: a copy of them inside another package would be another type. */
async function typeProblems({ folder, manifest }) {
  if (manifest.name === "@moorage/core") return [];
  const files = (await readdir(join(folder, "dist"))).filter((name) => /\.d\.(ts|cts)$/.test(name));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, "dist", name), "utf8")));
  const problems = [];
  if (!texts.some((text) => text.includes("'@moorage/core'") || text.includes('"@moorage/core"')))
    problems.push("types: no declaration imports @moorage/core");
  if (texts.some((text) => /(class PlatformError|interface Provider) /.test(text)))
    problems.push("types: declarations of @moorage/core are copied instead of imported");
  return problems;
}

/** A project outside the workspace: the packages unpacked, and of all else only what they declare. */
async function scratchProject(packages, tarballs, folder) {
  for (const [index, { manifest }] of packages.entries()) {
    const target = join(folder, "node_modules", manifest.name);
    await mkdir(target, { recursive: true });
    await run("tar", ["-xzf", tarballs[index], "-C", target, "--strip-components=1"]);
  }
  const declared = packages.flatMap(({ manifest }) =>
    Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
  );
  for (const name of new Set(declared.filter((one) => !one.startsWith("@moorage/")))) {
    const target = join(folder, "node_modules", name);
    await mkdir(dirname(target), { recursive: true });
    await symlink(join(root, "node_modules", name), target, "junction");
  }
  await writeFile(join(folder, "package.json"), '{ "private": true }');
}

const LIST_NAMES =
  "process.stdout.write(Object.keys(entry).filter((name) => name !== 'default').sort().join())";

async function namesOf(entry, way, folder) {
  const file = join(folder, way === "import" ? "entry.mjs" : "entry.cjs");
  const text = way === "import" ? `import * as entry from "${entry}";` : `const entry = require("${entry}");`;
  await writeFile(file, `${text}\n${LIST_NAMES}\n`);
  const { stdout } = await run(process.execPath, [file], { cwd: folder, timeout: 20_000 });
  return stdout;
}

async function loadProblems({ manifest }, folder) {
  const problems = [];
  for (const subpath of Object.keys(manifest.exports)) {
    const entry = manifest.name + subpath.slice(1);
    if (subpath === "./package.json" || ONLY_INSIDE_VITEST.has(entry)) continue;
    try {
      const imported = await namesOf(entry, "import", folder);
      const required = await namesOf(entry, "require", folder);
      if (imported === "") problems.push(`load: ${entry} exports nothing`);
      if (imported !== required)
        problems.push(`load: ${entry} exports ${imported}, but by require ${required}`);
    } catch (error) {
      problems.push(`load: ${entry}: ${error.stderr || error.message}`);
    }
  }
  return problems;
}

const scratch = await mkdtemp(join(tmpdir(), "moorage-packages-"));
try {
  const packages = await publishedPackages();
  const tarballs = await Promise.all(packages.map((one) => pack(one, scratch)));
  await scratchProject(packages, tarballs, scratch);
  for (const [index, one] of packages.entries()) {
    const problems = [
      ...(await publintProblems(one)),
      ...(await typeProblems(one)),
      ...(await attwProblems(tarballs[index])),
      ...(await loadProblems(one, scratch)),
    ];
    console.log(`${problems.length === 0 ? "✓" : "✗"} ${one.manifest.name}`);
    for (const problem of problems) console.log(`    ${problem.replaceAll("\n", "\n    ")}`);
    if (problems.length > 0) process.exitCode = 1;
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
