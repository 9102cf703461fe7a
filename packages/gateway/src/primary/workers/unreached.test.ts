import type { ApartStates, BrokerPart, BrokerState } from "@holdfast/core";
import { expect, it } from "@jest/globals";
import type { Load } from "../../link/messages.js";
import { unreached } from "./unreached.js";

const LOAD: Load = { sockets: 0, received: 0, connections: 0, loopDelayMs: 0, broker: "ready" };
const worker = (load: Partial<Load> = {}) => ({ load: { ...LOAD, ...load } }) as never;
const broker = (state: BrokerState, apart?: ApartStates) => ({ state, apart });
const away = (...partsAway: BrokerPart[]) => worker({ partsAway });

it("names each server that cannot be reached, and by whom", () => {
  const all = broker("ready", { history: "ready", presence: "ready" });
  expect(unreached(broker("ready"), [worker()])).toEqual([]);
  expect(unreached(all, [worker(), worker()])).toEqual([]);
  expect(unreached(broker("connecting"), [worker()])).toEqual([
    "The broker cannot be reached by the primary.",
  ]);
  expect(
    unreached(all, [worker({ broker: "connecting" }), away("history"), away("history", "presence")]),
  ).toEqual([
    "The broker cannot be reached by 1 workers.",
    "The broker of history cannot be reached by 2 workers.",
    "The broker of presence cannot be reached by 1 workers.",
  ]);
  expect(unreached(broker("ready", { history: "connecting" }), [worker()])).toEqual([
    "The broker of history cannot be reached by the primary.",
  ]);
});
