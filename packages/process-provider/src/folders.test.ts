import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { scratchFolder } from "../test-support/children.ts";
import { createFolders } from "./folders.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

describe("working folders", () => {
  it("are this user's alone, even if somebody made them wider before", async () => {
    const folders = createFolders(scratch.path);
    mkdirSync(folders.instanceFolder("wide"), { recursive: true, mode: 0o777 });
    for (const id of ["new", "wide"]) expect(statSync(await folders.prepare(id)).mode & 0o777).toBe(0o700);
  });

  it("stay below the state directory, whatever an instance is called", () => {
    const folders = createFolders(scratch.path);
    const ids = ["..", "../../etc", "/etc", ".", "a/b", "-rf", "x".repeat(500), "a\nb"];
    for (const id of ids) expect(dirname(folders.instanceFolder(id))).toBe(join(scratch.path, "instances"));
    expect(new Set(ids.map((id) => folders.instanceFolder(id))).size).toBe(ids.length);
  });

  it("are removed with all that is in them, again and again", async () => {
    const folders = createFolders(scratch.path);
    const folder = await folders.prepare("full");
    mkdirSync(join(folder, "deep"));
    writeFileSync(join(folder, "deep", "file"), "x");
    await folders.remove("full");
    await folders.remove("full");
    expect(existsSync(folder)).toBe(false);
  });

  it("are refused where a link or a file lies in their place", async () => {
    const folders = createFolders(scratch.path);
    symlinkSync("/tmp", folders.instanceFolder("link"));
    writeFileSync(folders.instanceFolder("file"), "");
    for (const id of ["link", "file"]) {
      await expect(folders.prepare(id)).rejects.toMatchObject({ code: "LAUNCH_FAILED" });
    }
  });

  it("have a tag that tells one state directory from another", () => {
    const tag = createFolders(scratch.path).stateTag;
    expect(createFolders(`${scratch.path}/`).stateTag).toBe(tag);
    expect(createFolders(`${scratch.path}/other`).stateTag).not.toBe(tag);
  });
});
