import { type DisconnectCode, disconnects } from "@holdfast/protocol";
import { expect, test } from "@jest/globals";
import type { TcpHandle } from "../../tcp-handle.js";
import { CometSessions } from "./sessions.js";
import { type ConnectionEnd, SseTransport, type StreamHome } from "./sse-transport.js";

const SID = "AAAB0123456789abcdef";

function stream(ended: DisconnectCode[]): SseTransport {
  const io = { own: (handle: TcpHandle) => handle };
  const transport = new SseTransport({} as TcpHandle, { io } as unknown as StreamHome, "none");
  const connection: Partial<ConnectionEnd> = { disconnect: (row) => void ended.push(row) };
  transport.connection = connection as ConnectionEnd;
  return transport;
}

test("a stream whose session goes on in a newer one is disconnected as superseded, the newer one is not", () => {
  const sessions = new CometSessions();
  const [older, newer]: [DisconnectCode[], DisconnectCode[]] = [[], []];
  sessions.set(SID, stream(older));
  sessions.set(SID, stream(newer));
  expect(older).toEqual([disconnects.superseded]);
  expect(newer).toEqual([]);
});
