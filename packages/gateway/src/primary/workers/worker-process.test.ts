import type { Worker } from "node:cluster";
import { EventEmitter } from "node:events";
import { Duplex } from "node:stream";
import { FakeClock } from "@holdfast/core/testing";
import { expect, it } from "@jest/globals";
import { PendingSocket } from "../../admission/pending-socket.js";
import { LINK_FD } from "../../link/link.js";
import type { TcpHandle } from "../../runtime/tcp-handle.js";
import { type WorkerEvents, WorkerProcess } from "./worker-process.js";

const EVENTS: WorkerEvents = {
  message() {},
  room() {},
  undeliverable() {},
  copied() {},
  misplaced() {},
  linkLost() {},
};

/** A process that takes whatever it is given and says nothing. */
function silentProcess(): EventEmitter {
  const link = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const stdio = Array.from({ length: LINK_FD + 1 }, (_, fd) => (fd === LINK_FD ? link : null));
  return Object.assign(new EventEmitter(), { stdio, send: () => true, kill: () => true });
}

it("keeps what is under way to a worker that was let go, until its pipes are read to the end", () => {
  const process = silentProcess();
  const clock = new FakeClock();
  const worker = new WorkerProcess({ slot: 0, generation: 1 }, { process } as Worker, EVENTS, clock);
  const [underWay, queued] = [0, 1].map((at) => new PendingSocket({} as TcpHandle, at));
  for (const socket of [underWay, queued]) worker.handOver(socket as PendingSocket);
  worker.release();
  expect(worker.takeBack()).toEqual([queued]);
  process.emit("close", 0, null);
  expect(worker.takeBack()).toEqual([underWay]);
});
