/**
 * A worker process that knows the link and hand-offs and nothing else. `config` says how it behaves:
 *
 *   `lives`    what each life of a slot does, the last one again and again:
 *              "ready"   says so and answers every socket with `slot:<slot> pid:<pid>`
 *              "deaf"    says that it is ready and then reads nothing, so that hand-offs stay under way
 *              "silent"  never says anything
 *              "exit"    ends at once with code 3
 *              "refuse"  says that it cannot start
 *              "hang"    says that it is ready, closes its link and hangs, as a process may that ends
 *              "clings"  says that it is ready and hangs when its link closes
 *   `only`     the slot that this is about; the others are "ready"
 *   `diary`    a file to which every life of a slot appends a line: how a life knows which one it is
 */
import { appendFileSync, closeSync, readFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { createInterface } from "node:readline";

const link = new Socket({ fd: 4 });
const say = (message) => link.write(`${JSON.stringify(message)}\n`);
link.on("error", () => process.exit(0));
link.on("close", () => process.exit(0));
process.on("disconnect", () => process.exit(0));

let received = 0;
let sockets = 0;
const report = () =>
  say({ type: "load", sockets, received, connections: sockets, loopDelayMs: 0, broker: "ready" });

function live({ slot, config }) {
  appendFileSync(config.diary, `${slot}\n`);
  const life = readFileSync(config.diary, "utf8")
    .split("\n")
    .filter((line) => line === String(slot)).length;
  const what =
    (config.only ?? slot) === slot ? config.lives[Math.min(life, config.lives.length) - 1] : "ready";
  if (what === "exit") process.exit(3);
  if (what === "silent") return;
  if (what === "refuse") return say({ type: "refused", problem: "this worker will never run" });
  if (what === "deaf") {
    writeSync(4, `${JSON.stringify({ type: "ready" })}\n`);
    for (;;);
  }
  if (what === "hang") {
    writeSync(4, `${JSON.stringify({ type: "ready" })}\n`);
    closeSync(4);
    for (;;);
  }
  if (what === "clings")
    process.prependListener("exit", () => {
      for (;;);
    });
  process.on("message", (message, handle) => {
    // A listening handle is copied by its way here and back.
    process.send(message, handle, {}, () => handle.close());
  });
  takePiped((head, handle) => {
    received++;
    sockets++;
    report();
    const socket = new Socket({ handle, readable: true, writable: true });
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets--;
      report();
    });
    socket.resume();
    // "/stay" is kept open.
    const text = `slot:${slot} pid:${process.pid} bytes:${head.length}\n`;
    const body = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    if (head.includes("/stay")) socket.write(body);
    else socket.end(body);
  });
  say({ type: "ready" });
  report();
}

/** As in parcels.ts: a length, a letter for the place, what it is about, a line feed, the head. */
function takePiped(take) {
  const shell = new Socket({ fd: 5, readable: false });
  const plain = shell._handle;
  shell._handle = null;
  plain.readStop();
  const pipe = new plain.constructor(2);
  pipe.open(5);
  let rest = Buffer.alloc(0);
  const begun = [];
  pipe.onread = (bytes) => {
    if (bytes === undefined) return process.exit(0);
    if (pipe.pendingHandle) begun.push(pipe.pendingHandle);
    pipe.pendingHandle = null;
    rest = Buffer.concat([rest, Buffer.from(bytes)]);
    while (rest.length > 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const text = rest.toString("latin1", 4, 4 + rest.readUInt32BE(0));
      rest = rest.subarray(4 + text.length);
      pipe.writeLatin1String({}, text[0].toLowerCase());
      take(text.slice(text.indexOf("\n") + 1), begun.shift());
    }
  };
  pipe.readStart();
}

createInterface({ input: link }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.type === "start") live(message);
  if (message.type === "probe") say({ type: "probed" });
  if (message.type === "drain") say({ type: "drained" });
  if (message.type === "collect-metrics") say({ type: "metrics", id: message.id, snapshot: [] });
});
