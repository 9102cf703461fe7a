/**
 * A client on a fake network and a fake clock, with everything it tells noted down.
 */
import { Client } from "../client.js";
import type { ClientOptions } from "../options.js";
import type { ClientState } from "../state.js";
import type { HoldfastError } from "../wire/errors.js";
import { FakeClock, settled } from "./fake-clock.js";
import { FakeNetwork, type FakeWebSocket } from "./fake-web-socket.js";

export class ClientHarness {
  readonly clock = new FakeClock();
  readonly network: FakeNetwork;
  readonly client: Client;
  readonly states: ClientState[] = [];
  readonly errors: HoldfastError[] = [];

  /** `random` is a constant 0.5 and WebSocket the only transport unless given. */
  constructor(options: ClientOptions = {}, onMade?: (socket: FakeWebSocket) => void) {
    this.network = new FakeNetwork(onMade);
    this.client = new Client("ws://gateway.test/ws", {
      clock: this.clock,
      random: () => 0.5,
      transports: ["websocket"],
      WebSocket: this.network.WebSocket,
      ...options,
    });
    this.client.on("state", (state) => this.states.push(state));
    this.client.on("error", (error) => this.errors.push(error));
  }

  get socket(): FakeWebSocket {
    return this.network.socket;
  }

  /** Connects up to the connect reply. */
  async connected(result?: Parameters<FakeWebSocket["welcome"]>[0]): Promise<FakeWebSocket> {
    this.client.connect();
    await settled();
    this.socket.welcome(result);
    await settled();
    return this.socket;
  }
}
