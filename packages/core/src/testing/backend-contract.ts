/**
 * The contract of a backend as a test suite: all that joins the workers, seam by seam.
 *
 * Each seam has its own suite and its own world, because a world says what a seam needs to be tested: a clock
 * that goes on, a broker that hears. A backend without presence or events leaves their worlds out.
 */
import { brokerContract } from "./broker-contract.js";
import { brokerLogContract, type LogWorld } from "./broker-log-contract.js";
import { brokerOutageContract, type FallibleBrokerWorld } from "./broker-outage-contract.js";
import type { BrokerWorld } from "./broker-world.js";
import { type EventSinkWorld, eventSinkContract } from "./event-sink-contract.js";
import { presenceContract } from "./presence-contract/presence-contract.js";
import type { PresenceWorld } from "./presence-contract/presence-world.js";
import { type RevocationWorld, revocationContract } from "./revocation-contract.js";
import { type SharedSecretWorld, sharedSecretContract } from "./shared-secret-contract.js";

type Factory<World> = () => World | Promise<World>;

/** Makes a new world of each seam for each test. */
export interface BackendWorlds {
  readonly broker: Factory<BrokerWorld>;
  readonly log: Factory<LogWorld>;
  readonly secret: Factory<SharedSecretWorld>;
  readonly revocations: Factory<RevocationWorld>;
  readonly presence?: Factory<PresenceWorld>;
  readonly events?: Factory<EventSinkWorld>;
  /** For a backend that can be taken away. */
  readonly outage?: Factory<FallibleBrokerWorld>;
}

export function backendContract(name: string, worlds: BackendWorlds): void {
  const { broker, log, secret, revocations, presence, events, outage } = worlds;
  brokerContract(`the broker ${name}`, broker);
  brokerLogContract(`the log ${name}`, log);
  sharedSecretContract(`the shared secret ${name}`, secret);
  revocationContract(`the revocations ${name}`, revocations);
  if (presence !== undefined) presenceContract(`the presence store ${name}`, presence);
  if (events !== undefined) eventSinkContract(`the event sink ${name}`, async () => events());
  if (outage !== undefined) brokerOutageContract(`the broker ${name}`, async () => outage());
}
