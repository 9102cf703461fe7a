/**
 * Peer: Bun's own WebSocket server and its publish, one process. Run by Bun, not by Node.
 *
 * Speaks the same commands on stdin as the servers in src/servers.
 */
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    const channels = new URL(request.url).searchParams.get("channels") ?? "";
    if (server.upgrade(request, { data: channels })) return undefined;
    return new Response(null, { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    sendPings: true,
    // Its keepalive: it pings after 24 s of silence, which is as near to our 25 s as its steps of 4 s allow;
    // with 50 it is 36 s.
    idleTimeout: 40,
    open(socket) {
      for (const channel of socket.data.split(",")) socket.subscribe(channel);
    },
    message() {},
  },
});
console.log(JSON.stringify({ ready: true, port: server.port, workers: [process.pid] }));
for await (const line of console) {
  const [command, number, channel, text] = line.split(" ");
  if (command === "publish") for (let i = 0; i < Number(number); i++) server.publish(channel, text);
  else if (command === "each") for (let i = 0; i < Number(number); i++) server.publish(`c${i}`, channel);
  else if (command === "gc") Bun.gc(true);
  console.log('{"done":true}');
}
process.exit();
