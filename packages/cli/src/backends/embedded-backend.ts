/**
 * The embedded backend: the broker and its seams in the primary, which serves them to its workers.
 *
 * It joins the workers of one instance and keeps nothing beyond the primary's end. Invariant: when a worker
 * is gone, its members of presence are as good as disconnected.
 */
import {
  type BackendDescription,
  CONTROL,
  MemoryBroker,
  MemoryBus,
  MemoryPresence,
  MemoryRevocations,
  type PresenceStore,
  type RevocationStore,
  systemClock,
} from "@holdfast/core";
import type { ServedSeam } from "@holdfast/gateway";
import type { CompleteSettings } from "../config/complete.js";
import type { GatewayBackend, PrimaryBackend } from "./gateway-backend.js";

/** `presenceGrace` in ms. */
type EmbeddedSettings = Pick<CompleteSettings, "maxRevocations" | "presenceGrace">;

export class EmbeddedBackend implements GatewayBackend {
  readonly #settings: EmbeddedSettings;

  constructor(settings: EmbeddedSettings) {
    this.#settings = settings;
  }

  describe(): BackendDescription {
    return { name: "embedded", phrase: "embedded broker" };
  }

  primary(): PrimaryBackend {
    const { maxRevocations, presenceGrace } = this.#settings;
    const bus = new MemoryBus();
    const presence = new MemoryPresence(bus, systemClock);
    const revocations = new MemoryRevocations({
      maxRevocations,
      now: () => systemClock.now(),
      tell: (order) => bus.publish(CONTROL, order, {}),
    });
    return {
      broker: new MemoryBroker(bus),
      bus,
      presence,
      revocations,
      seams: {
        presence: () => servedPresence(presence, presenceGrace),
        revocations: () => servedRevocations(revocations),
      },
    };
  }

  /** A worker's is at the other end of the link. */
  worker(): undefined {
    return undefined;
  }
}

/** Presence as one worker may use it. */
function servedPresence(presence: MemoryPresence, graceMs: number): ServedSeam {
  const begun = new Set<string>();
  return {
    methods: {
      renew: (...[id, forMs, begin]: Parameters<PresenceStore["renew"]>) => {
        if (begin) begun.add(id);
        return presence.renew(id, forMs, begin);
      },
      change: (...[channel, ...rest]: Parameters<PresenceStore["change"]>) =>
        presence.change(channel, ...rest),
      read: (...[channel, limit, cursor]: Parameters<PresenceStore["read"]>) =>
        presence.read(channel, limit, cursor),
      end: (id: string) => {
        begun.delete(id);
        return presence.end(id);
      },
    },
    close() {
      for (const id of begun) presence.abandon(id, graceMs);
    },
  };
}

function servedRevocations(revocations: RevocationStore): ServedSeam {
  return {
    methods: {
      add: (...[each]: Parameters<RevocationStore["add"]>) => revocations.add(each),
      list: (...[from, known]: Parameters<RevocationStore["list"]>) => revocations.list(from, known),
      spend: (...[id, forMs]: Parameters<RevocationStore["spend"]>) => revocations.spend(id, forMs),
    },
  };
}
