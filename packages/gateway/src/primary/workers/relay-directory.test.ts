import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { RelayDirectory } from "./relay-directory.js";

describe("RelayDirectory", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "rd-"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("is private, and gone after it was removed", () => {
    const directory = new RelayDirectory([root]);
    const path = directory.ensure();
    expect(path.startsWith(`${root}/holdfast-`)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(directory.ensure()).toBe(path);
    directory.remove();
    directory.remove();
    expect(existsSync(path)).toBe(false);
  });

  it("is made again at the same place after it was swept, also with the folder around it", () => {
    const place = join(root, "scratch");
    const directory = new RelayDirectory([place]);
    const path = directory.ensure();
    rmSync(path, { recursive: true });
    expect(directory.ensure()).toBe(path);
    rmSync(place, { recursive: true });
    expect(directory.ensure()).toBe(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it("is elsewhere when the place is no folder any more", () => {
    const place = join(root, "a");
    const directory = new RelayDirectory([place, root]);
    const path = directory.ensure();
    rmSync(place, { recursive: true });
    writeFileSync(place, "");
    const other = directory.ensure();
    expect(other).not.toBe(path);
    expect(other.startsWith(`${root}/holdfast-`)).toBe(true);
  });

  it.each([
    ["that others may write", (path: string) => chmodSync(path, 0o777)],
    [
      "that is a link",
      (path: string) => {
        rmdirSync(path);
        symlinkSync(tmpdir(), path);
      },
    ],
  ])("is elsewhere when its place was taken by a folder %s", (_, take) => {
    const directory = new RelayDirectory([root]);
    const path = directory.ensure();
    rmSync(path, { recursive: true });
    mkdirSync(path);
    take(path);
    const other = directory.ensure();
    expect(other).not.toBe(path);
    expect(statSync(other).mode & 0o777).toBe(0o700);
  });

  it("is at a shorter place where the first is too long for a socket's path", () => {
    const long = join(root, "l".repeat(90));
    mkdirSync(long);
    expect(new RelayDirectory([long, root]).ensure().startsWith(`${root}/holdfast-`)).toBe(true);
  });

  it("names what was tried, where none can be made", () => {
    const file = join(root, "file");
    writeFileSync(file, "");
    chmodSync(file, 0o600);
    const long = `/${"x".repeat(100)}`;
    expect(() => new RelayDirectory([long, file]).ensure()).toThrow(
      new RegExp(`${long} is too long for the path of a Unix socket; ${file}: E[A-Z]+.*TMPDIR`),
    );
  });
});
