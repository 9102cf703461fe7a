/**
 * Peer: native/send-loop.c, which only sends: the physical limit.
 */
import { nativeProgram } from "../load/native.js";
import { LineServer } from "./line-server.js";
import type { Peer } from "./peer.js";

export const cLoop: Peer = {
  name: "c",
  label: "C send loop",
  missing: () => {
    const native = nativeProgram("send-loop");
    return "missing" in native ? native.missing : undefined;
  },
  start: () => {
    const native = nativeProgram("send-loop");
    if ("missing" in native) throw new Error(native.missing);
    return LineServer.start({ program: native.path, args: ["0"], target: "/ws?channels=", garbage: "none" });
  },
};
