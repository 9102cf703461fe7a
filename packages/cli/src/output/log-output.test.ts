import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { LogOutput, type WriteBytes } from "./log-output.js";

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Takes what it is given, until told otherwise. */
class Reader {
  text = "";
  takes: () => number = () => Number.POSITIVE_INFINITY;
  readonly write: WriteBytes = (bytes) => {
    const taken = Math.min(this.takes(), bytes.length);
    this.text += bytes.subarray(0, taken).toString();
    return taken;
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("LogOutput", () => {
  it("writes lines in their order, together", async () => {
    const reader = new Reader();
    let writes = 0;
    const output = new LogOutput((bytes) => {
      writes++;
      return reader.write(bytes);
    });
    for (const line of ["a", "b", "c"]) output.write(`${line}\n`);
    await turn();
    expect(reader.text).toBe("a\nb\nc\n");
    expect(writes).toBe(1);
    expect(output.lost).toBe(0);
  });

  it.each(["ENOSPC", "EIO", "EBADF", "EPIPE", "EDQUOT", "EFBIG"])(
    "loses and counts lines while writing fails with %s, and goes on after it",
    async (code) => {
      const reader = new Reader();
      let broken = true;
      const output = new LogOutput((bytes) => {
        if (broken) throw failure(code);
        return reader.write(bytes);
      });
      output.write("1\n");
      output.write("2\n");
      await turn();
      expect(output.lost).toBe(2);
      broken = false;
      output.write("3\n");
      await turn();
      expect(reader.text).toBe("3\n");
      expect(output.lost).toBe(2);
    },
  );

  it("keeps what a reader that is slow has not taken, to the byte", async () => {
    const reader = new Reader();
    let turns = 0;
    reader.takes = () => {
      turns++;
      if (turns % 2 === 0) throw failure("EAGAIN");
      return 3;
    };
    const output = new LogOutput(reader.write);
    for (let i = 0; i < 5; i++) output.write(`line ${i}\n`);
    await turn();
    output.end();
    expect(reader.text).toBe("line 0\nline 1\nline 2\nline 3\nline 4\n");
    expect(output.lost).toBe(0);
  });

  it("bounds what waits for a reader that stands still, and ends without it", async () => {
    const output = new LogOutput(() => {
      throw failure("EAGAIN");
    });
    const line = `${"x".repeat(1023)}\n`;
    for (let i = 0; i < 5000; i++) output.write(line);
    await turn();
    expect(output.lost).toBe(5000 - 4096);
    output.end();
    expect(output.lost).toBe(5000);
  });

  it("does not part lines that a pipe takes whole", async () => {
    const sizes: number[] = [];
    const output = new LogOutput((bytes) => {
      sizes.push(bytes.length);
      return bytes.length;
    });
    for (let i = 0; i < 10; i++) output.write(`${"x".repeat(1500)}\n`);
    output.write(`${"y".repeat(6000)}\n`);
    await turn();
    expect(sizes).toEqual([3002, 3002, 3002, 3002, 3002, 6001]);
  });
});

describe("standard output", () => {
  const PROGRAM = `
    import { LogOutput } from ${JSON.stringify(new URL("../../dist/output/log-output.js", import.meta.url).href)};
    const output = LogOutput.standard();
    for (let i = 0; i < 300; i++) output.write("x".repeat(1000) + "\\n");
    setImmediate(() => { process.stderr.write(String(output.lost)); });
  `;

  it("that is not read does not keep a process from its end", async () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    // Nothing reads the pipe: it is full after 64 KiB.
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
    child.stdout.destroy();
  });

  (existsSync("/dev/full") ? it : it.skip)("that is full loses lines and nothing else", () => {
    const full = openSync("/dev/full", "w");
    const folder = mkdtempSync(join(tmpdir(), "log-output-"));
    try {
      const script = join(folder, "program.mjs");
      writeFileSync(script, PROGRAM);
      const { status, stderr } = spawnSync(process.execPath, [script], { stdio: ["ignore", full, "pipe"] });
      expect([status, String(stderr)]).toEqual([0, "300"]);
    } finally {
      closeSync(full);
      rmSync(folder, { recursive: true });
    }
  });
});
