import { describe, expect, it } from "@jest/globals";
import { asCalled, invocation, quoted } from "./invocation.js";

/** `links`: what lies behind a path; every other path is nothing. */
const called = (links: Record<string, string>, more: { cwd?: string; path?: string } = {}) =>
  invocation({
    cwd: more.cwd ?? "/srv/app",
    script: "/opt/hf/bin/holdfast.js",
    path: more.path,
    realPath: (path) => links[path],
  });
const self = { "/opt/hf/bin/holdfast.js": "/opt/hf/bin/holdfast.js" };

describe("how the program is called", () => {
  it("with npx where npx finds this program, also from a folder below", () => {
    const linked = { ...self, "/srv/app/node_modules/.bin/holdfast": "/opt/hf/bin/holdfast.js" };
    expect(called(linked)).toBe("npx holdfast");
    expect(called(linked, { cwd: "/srv/app/deep/down" })).toBe("npx holdfast");
  });

  it("with npx where a package manager wrote a script instead of a link", () => {
    const bin = "/srv/app/node_modules/.bin/holdfast";
    const packaged = { "/srv/app/node_modules/holdfast/bin/holdfast.js": "/opt/hf/bin/holdfast.js" };
    expect(called({ ...self, [bin]: bin, ...packaged })).toBe("npx holdfast");
  });

  it("never with npx where nothing or another program is found", () => {
    expect(called(self)).toBe("node /opt/hf/bin/holdfast.js");
    expect(called({ ...self, "/srv/app/node_modules/.bin/holdfast": "/elsewhere" })).toBe(
      "node /opt/hf/bin/holdfast.js",
    );
    expect(called(self, { cwd: "/opt" })).toBe("node hf/bin/holdfast.js");
  });

  it("by its name where the PATH has it, npm's own folders left aside", () => {
    const onPath = { ...self, "/usr/bin/holdfast": "/opt/hf/bin/holdfast.js" };
    expect(called(onPath, { path: "/bin:/usr/bin" })).toBe("holdfast");
    const npx = { ...self, "/root/.npm/_npx/1/node_modules/.bin/holdfast": "/opt/hf/bin/holdfast.js" };
    expect(called(npx, { path: "/root/.npm/_npx/1/node_modules/.bin" })).toBe("node /opt/hf/bin/holdfast.js");
  });
});

describe("suggestions", () => {
  it("name the program as it is called, in a sentence and in an example", () => {
    expect(asCalled("start one with `holdfast start`, or not", "npx holdfast")).toBe(
      "start one with `npx holdfast start`, or not",
    );
    expect(asCalled("  $ KEY=1 holdfast start\nholdfast is", "node x.js")).toBe(
      "  $ KEY=1 node x.js start\nholdfast is",
    );
  });

  it("quote what a shell would take apart", () => {
    expect(quoted("/a/b.js")).toBe("/a/b.js");
    expect(quoted("/it's here")).toBe("'/it'\\''s here'");
  });
});
