/**
 * A process that takes a TCP handle as a worker does, and says what it could read from it until its end.
 * Told to `hold`, it keeps the handle and does nothing with it.
 */
import { Socket } from "node:net";

const held = [];
process.on("message", (message, handle) => {
  if (handle === undefined) return;
  if (message.hold) {
    held.push(handle);
    process.send({ t: "held" });
    return;
  }
  const socket = new Socket({ handle, readable: true, writable: true });
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk) => {
    text += chunk;
  });
  socket.on("error", (error) => process.send({ t: "error", text: error.code }));
  socket.on("end", () => {
    socket.end(`got ${text.length}`);
    process.send({ t: "read", text });
  });
});
