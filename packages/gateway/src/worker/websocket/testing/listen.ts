/**
 * A listener for tests of WebSockets: accepts, reads a request's head as the front door does, and hands the
 * handle on.
 */

import { readPlainHead } from "../../../http/plain-head.js";
import type { TcpHandle } from "../../../runtime/tcp-handle.js";
import { TcpListener } from "../../../runtime/tcp-listener.js";
import type { AcceptedUpgrade } from "../../http/websocket-engine.js";

export function listen(accept: (handle: TcpHandle, arrival: AcceptedUpgrade) => void): Promise<TcpListener> {
  return TcpListener.open({ host: "127.0.0.1", port: 0, backlog: 511 }, (handle) => {
    if (handle === undefined) return;
    let text = "";
    handle.onread = (bytes) => {
      if (bytes === undefined) return handle.close();
      text += Buffer.from(bytes).toString("latin1");
      const head = readPlainHead(text);
      if (head === undefined) return;
      handle.readStop();
      accept(handle, { head, first: Buffer.from(text.slice(head.end), "latin1"), ended: undefined });
    };
    handle.readStart();
  });
}
