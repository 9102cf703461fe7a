/**
 * A TCP handle without a socket: a test says what arrives, the handle says what was done to it.
 *
 * As in the kernel, what arrives while the handle is not read waits. Closing twice, or using a closed handle,
 * throws: in Node it would be an assertion that ends the process, or a wrong descriptor.
 */
import type { TcpHandle } from "../../runtime/tcp-handle.js";

export class FakeHandle implements TcpHandle {
  readonly fd = -1;
  bytesRead = 0;
  onread: TcpHandle["onread"] = () => {};
  reading = false;
  closed = false;
  /** The other end. */
  peer = "::ffff:192.0.2.1";
  #inbox: (Buffer | undefined)[] = [];

  /** What has not been read yet. */
  get unread(): string {
    return Buffer.concat(this.#inbox.filter((bytes) => bytes !== undefined)).toString("latin1");
  }

  /** Bytes from the peer, or undefined: it has ended. */
  receive(bytes: string | Buffer | undefined): void {
    this.#inbox.push(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    this.#deliver();
  }

  readStart(): number {
    this.#assertOpen("readStart");
    this.reading = true;
    // In Node bytes come in a later turn; in the same one is the harder case.
    this.#deliver();
    return 0;
  }

  readStop(): number {
    this.#assertOpen("readStop");
    this.reading = false;
    return 0;
  }

  /** Reads what has arrived, as `readNow` of tcp-handle.ts does: what is there goes into one read. */
  readNow(into: Uint8Array): number | undefined {
    this.#assertOpen("readNow");
    if (this.#inbox.length === 0) return undefined;
    let length = 0;
    for (let bytes = this.#inbox[0]; bytes !== undefined; bytes = this.#inbox[0]) {
      into.set(bytes, length);
      length += bytes.length;
      this.#inbox.shift();
    }
    return length;
  }

  getpeername(name: { address?: string }): number {
    this.#assertOpen("getpeername");
    name.address = this.peer;
    return 0;
  }

  close(): void {
    this.#assertOpen("close");
    this.closed = true;
    this.reading = false;
  }

  #deliver(): void {
    while (this.reading && this.#inbox.length > 0) {
      const bytes = this.#inbox.shift();
      this.bytesRead += bytes?.length ?? 0;
      this.onread(bytes === undefined ? undefined : arrayOf(bytes));
    }
  }

  #assertOpen(what: string): void {
    if (this.closed) throw new Error(`${what} after close`);
  }
}

/** As Node 26 does it: a large read comes in a full array, whose rest is noise. */
function arrayOf(bytes: Buffer): ArrayBuffer {
  const array = new Uint8Array(bytes.length > 48 * 1024 ? 64 * 1024 : bytes.length).fill(0x7e);
  array.set(bytes);
  return array.buffer;
}
