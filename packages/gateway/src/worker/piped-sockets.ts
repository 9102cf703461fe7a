/**
 * Piped sockets: what comes to a worker by the pipe for handles, receipted and handed on.
 *
 * Receipts leave before any of their sockets is served, so that none of a worker that ends is served by
 * another, too. In a storm several share one: as many as have come when a turn of the event loop brings no
 * more, `BATCH` at most. One that comes alone waits for nothing. Invariants: every parcel gets its receipt;
 * sockets are handed on in the order in which they came.
 */
import type { Clock } from "@holdfast/core";
import { encodeReceipt, type Parcel, ParcelReader, PLACES } from "../link/parcels.js";
import type { HandlePipe, HandlePipeEvents } from "../runtime/handle-pipe.js";
import type { TcpHandle } from "../runtime/tcp-handle.js";

/** Where they go. */
export type TakePiped = (handle: TcpHandle, head: string, address: string) => void;

/** Half of what may be under way: while these are served, the others come. */
const BATCH = PLACES / 2;

export class PipedSockets {
  readonly #pipe: Pick<HandlePipe, "say">;
  readonly #clock: Pick<Clock, "defer">;
  readonly #take: TakePiped;
  readonly #came: { readonly handle: TcpHandle; readonly parcel: Parcel }[] = [];
  #receipts = "";
  /** Parcels in this turn of the event loop. */
  #inTurn = 0;
  #turn: "idle" | "scheduled" = "idle";

  /** `open` opens this end of the pipe. */
  constructor(
    open: (events: HandlePipeEvents) => Pick<HandlePipe, "say">,
    clock: Pick<Clock, "defer">,
    take: TakePiped,
  ) {
    this.#clock = clock;
    this.#take = take;
    const reader = new ParcelReader<TcpHandle>((parcel, handle) => this.#arrived(parcel, handle));
    // The link's end ends this process; and it sends no handles by the pipe.
    this.#pipe = open({ came: (bytes, handle) => reader.read(bytes, handle), unsent() {}, ended() {} });
  }

  #arrived(parcel: Parcel, handle: TcpHandle | undefined): void {
    this.#receipts += encodeReceipt(parcel.place, handle !== undefined);
    if (handle !== undefined) this.#came.push({ handle, parcel });
    if (parcel.alone || this.#receipts.length >= BATCH) return this.#serve();
    if (this.#turn === "idle") this.#await();
    this.#inTurn++;
  }

  readonly #turned = (): void => {
    if (this.#inTurn > 0) return this.#await();
    this.#turn = "idle";
    this.#serve();
  };

  #await(): void {
    this.#turn = "scheduled";
    this.#inTurn = 0;
    this.#clock.defer(this.#turned);
  }

  #serve(): void {
    if (this.#receipts === "") return;
    this.#pipe.say(this.#receipts);
    this.#receipts = "";
    for (const { handle, parcel } of this.#came.splice(0)) this.#take(handle, parcel.head, parcel.address);
  }
}
