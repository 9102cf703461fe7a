import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { LineChannel, MAX_MESSAGE_BYTES, MAX_QUEUED_BYTES, SILENCE_MS } from "./line-channel.js";

let socket: PassThrough;
let channel: LineChannel;
let messages: unknown[];
let ends: string[];
let nowMs: number;

beforeEach(() => {
  socket = new PassThrough();
  messages = [];
  ends = [];
  nowMs = 0;
  const events = { message: (each: unknown) => messages.push(each), ended: (why: string) => ends.push(why) };
  channel = new LineChannel(socket, events, () => nowMs);
});
afterEach(() => channel.end("test"));

/** Bytes from the other side. */
function arrive(text: string): void {
  socket.emit("data", Buffer.from(text));
}

test("messages come whole, in whatever pieces their bytes come", () => {
  for (const piece of ['{"a":1}\n{"b"', ':"', "ü", '"}', '\n\n{"c":[', "]}\n"]) arrive(piece);
  expect(ends).toEqual(["what came is no message"]);
  expect(messages).toEqual([{ a: 1 }, { b: "ü" }]);
});

test.each(["[]\n", "1\n", "null\n", "{\n", "GET / HTTP/1.1\r\n"])("%j is no message", (text) => {
  arrive(text);
  arrive('{"a":1}\n');
  expect(ends).toEqual(["what came is no message"]);
  expect(messages).toEqual([]);
});

test("a message that is too long ends the channel before it is whole", () => {
  for (let bytes = 0; bytes <= MAX_MESSAGE_BYTES; bytes += 65_536) arrive("x".repeat(65_536));
  expect(ends).toEqual([`a message of more than ${MAX_MESSAGE_BYTES} bytes`]);
});

test("a message that comes byte by byte costs its bytes, not an object for each", () => {
  const byte = Buffer.from("x");
  const before = process.memoryUsage().heapUsed;
  for (let bytes = 0; bytes < MAX_MESSAGE_BYTES; bytes++) socket.emit("data", byte);
  // A list of the pieces takes 100 bytes and more for each.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 * MAX_MESSAGE_BYTES);
  expect(ends).toEqual([]);
  socket.emit("data", byte);
  expect(ends).toEqual([`a message of more than ${MAX_MESSAGE_BYTES} bytes`]);
});

test("one that is too long is not sent", () => {
  channel.send({ text: "x".repeat(MAX_MESSAGE_BYTES) });
  expect(ends).toEqual([expect.stringContaining("a message of")]);
});

test("another side that does not read is given up", () => {
  socket.cork();
  for (let bytes = 0; bytes <= MAX_QUEUED_BYTES; bytes += 500_000)
    channel.send({ text: "x".repeat(500_000) });
  expect(ends).toEqual([expect.stringContaining("the other side does not read")]);
});

test("silence ends it, and every byte is a sign of life", () => {
  nowMs = SILENCE_MS;
  arrive("{");
  nowMs += SILENCE_MS;
  channel.check();
  expect(ends).toEqual([]);
  nowMs++;
  channel.check();
  channel.check();
  expect(ends).toEqual(["nothing came for 15 s"]);
});
