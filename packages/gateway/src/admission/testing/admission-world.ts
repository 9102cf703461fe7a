/**
 * Admission with everything around it in a test's hands: handles, lingering closes, the workers' room, time.
 */
import { FakeClock } from "@holdfast/core/testing";
import { Admission, type AdmissionOptions } from "../admission.js";
import type { Refused } from "../front-answers.js";
import { LingeringCloses } from "../lingering-closes.js";
import { PeerAddress, type PeerAddressOptions } from "../peer-address.js";
import type { PendingSocket } from "../pending-socket.js";
import type { Assignment } from "../unassigned.js";
import { FakeLingeringSocket } from "./fake-farewell-socket.js";
import { FakeHandle } from "./fake-handle.js";

export const HEAD = "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n";

const OPTIONS: AdmissionOptions = {
  maxPending: 8,
  headTimeoutMs: 5_000,
  maxHeadBytes: 256,
  maxPendingBytes: 1_000_000,
};

export class AdmissionWorld {
  readonly clock = new FakeClock();
  /** Handed over and not taken back, in order. */
  readonly handedOver: PendingSocket[] = [];
  readonly lingeringCloses: FakeLingeringSocket[] = [];
  readonly reasons: Refused[] = [];
  /** Whose place has become free, in order. */
  readonly left: PendingSocket[] = [];
  accepted = 0;
  /** How many heads the workers have room for. */
  room = 1_000;
  /** Whether a worker is there at all. */
  hasWorker = true;
  closedFor: Refused | undefined;
  /** What a whole head is told instead of going to a worker. */
  answer: Assignment | undefined;
  readonly admission: Admission;

  constructor(options: Partial<AdmissionOptions> = {}, peerAddress: Partial<PeerAddressOptions> = {}) {
    this.admission = new Admission(
      { ...OPTIONS, ...options },
      {
        closedFor: () => this.closedFor,
        arrived: () => undefined,
        assign: (socket) => {
          if (this.answer !== undefined) return this.answer;
          if (this.hasWorker) this.handedOver.push(socket);
          return this.hasWorker ? "assigned" : "later";
        },
        room: () => this.room,
        accepted: () => {
          this.accepted++;
        },
        refused: (why) => this.reasons.push(why),
        left: (socket) => this.left.push(socket),
      },
      new PeerAddress({ proxyProtocol: false, trustedProxies: [], ...peerAddress }, true),
      this.clock,
      {
        lingeringCloses: new LingeringCloses(this.clock, (handle) => {
          const socket = new FakeLingeringSocket(handle);
          this.lingeringCloses.push(socket);
          return socket;
        }),
        readNow: (handle, into) => (handle as FakeHandle).readNow(into),
      },
    );
  }

  /** A connection, and what it sends at once. */
  connect(bytes?: string): FakeHandle {
    const handle = new FakeHandle();
    if (bytes !== undefined) handle.receive(bytes);
    this.admission.accept(handle);
    return handle;
  }

  /** How each stands; a connection that is in two places, or in none, is the bug that tests look for. */
  places(handle: FakeHandle): string[] {
    const places: string[] = [];
    for (const socket of this.handedOver) if (socket.handle === handle) places.push("handed over");
    for (const { handle: answered, answer } of this.lingeringCloses) {
      if (answered === handle) places.push(`answered ${answer?.slice(9, 12)}`);
    }
    if (places.length === 0) places.push(handle.closed ? "closed" : "here");
    return places;
  }
}
