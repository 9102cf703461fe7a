/**
 * Connections on Node's bare TCP handle. The only file of the swarm that relies on what Node does not
 * document.
 *
 * Why: both ends of a load test live on one machine, and a `net.Socket` with its streams takes about 900
 * bytes more than the handle underneath and twice the CPU to open. The classes of the handle, of a connect
 * request and of a write request are Node's own; they are taken from sockets that Node itself makes and that
 * never touch the network. tcp-client.test.ts checks each promise below on every Node version of the matrix.
 */
import { Socket } from "node:net";
import { getSystemErrorName } from "node:util";

/** An outgoing connection. `seat` is its owner's number for it. */
export interface OutgoingHandle {
  seat: number;
  /** `bytes` may be longer than what was read, from Node.js 26 on: `bytesRead` says how much it was. */
  onread: (this: OutgoingHandle, bytes: ArrayBuffer | undefined) => void;
  /** In all. */
  readonly bytesRead: number;
  /** How much of that was given to `received`. */
  bytesTaken: number;
  bind(address: string, port: number): number;
  bind6(address: string, port: number, flags: number): number;
  connect(request: ConnectRequest, address: string, port: number): number;
  connect6(request: ConnectRequest, address: string, port: number): number;
  readStart(): number;
  /** 0, an error number, or the request that it made itself and that goes on. */
  writeLatin1String(request: WriteRequest | null, text: string): number | object;
  setNoDelay(on: boolean): number;
  close(): void;
  /** Closes without a FIN: the peer gets a reset, and no port is left in TIME_WAIT. */
  reset(): number;
}

interface ConnectRequest {
  oncomplete: (this: ConnectRequest, status: number, handle: OutgoingHandle) => void;
}

interface WriteRequest {
  oncomplete: () => void;
}

interface Wraps {
  readonly Handle: new (type: number) => OutgoingHandle;
  readonly ConnectRequest: new () => ConnectRequest;
  /** Null where the handle makes it itself if it needs one (Node.js 26). */
  readonly WriteRequest: (new () => WriteRequest) | null;
}

/** Whom connections report to. One for all of them: a connection has no closure of its own. */
export interface TcpEvents {
  /** `error` is undefined when it is connected, else the system's code such as ECONNREFUSED. */
  opened(handle: OutgoingHandle, error: string | undefined): void;
  received(handle: OutgoingHandle, bytes: Uint8Array<ArrayBuffer>): void;
  /** The peer ended it, or the network did. Close it. */
  ended(handle: OutgoingHandle): void;
}

/** `TCP.constants.SOCKET` of Node. */
const SOCKET = 0;

const nothing = (): void => {};

export class TcpClient {
  readonly #wraps: Wraps;
  readonly #onopen: ConnectRequest["oncomplete"];
  readonly #onread: OutgoingHandle["onread"];

  private constructor(wraps: Wraps, events: TcpEvents) {
    this.#wraps = wraps;
    this.#onopen = (status, handle) => events.opened(handle, status === 0 ? undefined : systemName(status));
    this.#onread = function (bytes) {
      if (bytes === undefined) return events.ended(this);
      const { bytesRead, bytesTaken } = this;
      this.bytesTaken = bytesRead;
      events.received(this, new Uint8Array(bytes, 0, bytesRead - bytesTaken));
    };
  }

  /** Rejects on a Node whose sockets are made of something else. */
  static async create(events: TcpEvents): Promise<TcpClient> {
    return new TcpClient(await learnWraps(), events);
  }

  /** Begins to connect from `source`, if it is said. The code of the system when that fails at once. */
  open(seat: number, source: string | undefined, host: string, port: number): OutgoingHandle | string {
    const handle = new this.#wraps.Handle(SOCKET);
    handle.seat = seat;
    handle.bytesTaken = 0;
    const request = new this.#wraps.ConnectRequest();
    request.oncomplete = this.#onopen;
    let status = source === undefined ? 0 : handle.bind(source, 0);
    if (status === 0) {
      status = host.includes(":")
        ? handle.connect6(request, host, port)
        : handle.connect(request, host, port);
    }
    if (status === 0) return handle;
    handle.close();
    return systemName(status);
  }

  /** Begins to read. Once, after `opened`. */
  read(handle: OutgoingHandle): void {
    handle.onread = this.#onread;
    handle.readStart();
  }

  /** Writes bytes that are given as a Latin-1 string. False when the connection is no longer one. */
  write(handle: OutgoingHandle, bytes: string): boolean {
    const { WriteRequest } = this.#wraps;
    const request = WriteRequest === null ? null : new WriteRequest();
    if (request !== null) request.oncomplete = nothing;
    const status = handle.writeLatin1String(request, bytes);
    return status === 0 || typeof status === "object";
  }
}

async function learnWraps(): Promise<Wraps> {
  const connecting = new Socket();
  connecting.on("error", nothing);
  // The handle is there at once, its connect is called in the next turn: by then it is ours.
  connecting.connect({ host: "127.0.0.1", port: 1 });
  const handle = handleOf(connecting);
  const Handle = handle.constructor as Wraps["Handle"];
  const learnt: { connect?: Wraps["ConnectRequest"]; write?: Wraps["WriteRequest"] } = {};
  handle.connect = (request) => {
    learnt.connect = request.constructor as Wraps["ConnectRequest"];
    return 0;
  };
  const idle = new Handle(SOCKET);
  idle.readStart = () => 0;
  idle.writeLatin1String = (request) => {
    learnt.write = request === null ? null : (request.constructor as Wraps["WriteRequest"]);
    return 0;
  };
  const writing = new Socket({ handle: idle } as ConstructorParameters<typeof Socket>[0]);
  writing.on("error", nothing);
  writing.write("x", "latin1");
  await new Promise<void>((resolve) => setImmediate(resolve));
  connecting.destroy();
  writing.destroy();
  const { connect: ConnectRequest, write: WriteRequest } = learnt;
  if (ConnectRequest === undefined || WriteRequest === undefined) throw unknownNode();
  return { Handle, ConnectRequest, WriteRequest };
}

function handleOf(socket: Socket): OutgoingHandle {
  const { _handle: handle } = socket as unknown as { readonly _handle: OutgoingHandle | null };
  if (typeof handle?.connect !== "function" || typeof handle.reset !== "function") throw unknownNode();
  return handle;
}

function unknownNode(): Error {
  return new Error(
    `the swarm does not know the sockets of Node.js ${process.versions.node}; Node.js 20 to 26 do`,
  );
}

function systemName(status: number): string {
  return status < 0 ? getSystemErrorName(status) : `status ${status}`;
}
