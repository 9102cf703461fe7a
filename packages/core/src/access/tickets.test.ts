import { errors } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { MemoryBroker } from "../broker/broker-memory.js";
import type { Clock } from "../runtime/clock.js";
import { silentLogger } from "../runtime/logger.js";
import { noMetrics } from "../runtime/metrics.js";
import { memoryRevocations } from "../testing/core-world.js";
import { FakeClock } from "../testing/fake-clock.js";
import { Authentication } from "./authentication.js";
import type { Identity } from "./identity.js";
import { ResumeTokens } from "./resume-tokens.js";
import type { RevocationStore } from "./revocation-store.js";
import { Tickets } from "./tickets.js";

const ANNE: Identity = { user: "anne", permissions: [{ match: "room:*", verbs: ["subscribe"] }] };

function world(
  store?: Pick<RevocationStore, "spend">,
  veto: () => undefined | typeof errors.tokenRevoked = () => undefined,
) {
  const clock = new FakeClock();
  const kept = memoryRevocations(new MemoryBroker(), clock);
  let ids = 0;
  /** `aheadMs`: of the others, its own clock is. */
  const make = (aheadMs = 0): Tickets => {
    const own = { now: () => clock.now() + aheadMs } as Clock;
    const tickets = new Tickets({
      store: { ...kept, spend: (id, forMs) => (store ?? kept).spend(id, forMs) } as RevocationStore,
      authentication: new Authentication(
        { access: "private", anonymous: false },
        { authenticator: undefined, veto, clock, metrics: noMetrics },
      ),
      clock: own,
      logger: silentLogger,
      newId: () => `AAAA${String(++ids).padStart(16, "0")}`,
    });
    tickets.use("a secret of the cluster");
    return tickets;
  };
  return { clock, make };
}

function ticketOf(tickets: Tickets, identity = ANNE): string {
  const issued = tickets.issue(identity);
  if ("error" in issued) throw new Error(issued.error.name);
  return issued.ticket;
}

describe("a ticket", () => {
  it("proves an identity, on any worker, once", async () => {
    const { make } = world();
    const [here, there] = [make(), make()];
    const ticket = ticketOf(here);
    expect(ticket).toMatch(/^[A-Za-z0-9_.-]+$/);
    expect(await there.redeem(ticket)).toMatchObject({ identity: { user: "anne" } });
    expect(await here.redeem(ticket)).toMatchObject({ error: { code: errors.tokenExpired.code } });
  });

  it("is remembered as used for as long as any instance would take it, whose clocks are a minute apart", async () => {
    const { clock, make } = world();
    const [here, ahead] = [make(), make(60_000)];
    const [used, unused] = [ticketOf(ahead), ticketOf(ahead)];
    expect(await here.redeem(used)).toMatchObject({ identity: { user: "anne" } });
    clock.advance(89_000);
    expect(await here.redeem(used)).toMatchObject({ error: { code: errors.tokenExpired.code } });
    expect(await here.redeem(unused)).toMatchObject({ identity: { user: "anne" } });
    clock.advance(2_000);
    expect(await here.redeem(used)).toMatchObject({ error: { code: errors.tokenExpired.code } });
  });

  it("is good for half a minute", async () => {
    const { clock, make } = world();
    const tickets = make();
    const ticket = ticketOf(tickets);
    clock.advance(31_000);
    expect(await tickets.redeem(ticket)).toHaveProperty("error");
  });

  it("is no resume token, and no resume token is a ticket", async () => {
    const { clock, make } = world();
    const tickets = make();
    const resumeTokens = new ResumeTokens(() => clock.now());
    resumeTokens.use("a secret of the cluster");
    const id = "AAAA0000000000000099";
    expect(await tickets.redeem(id + resumeTokens.issue(id, ANNE))).toHaveProperty("error");
    const ticket = ticketOf(tickets);
    expect(resumeTokens.check(ticket.slice(0, 20), ticket.slice(20))).toBeUndefined();
  });

  it("is not given to an anonymous client, nor taken from a revoked one", async () => {
    expect(world().make().issue({})).toEqual({ error: errors.unauthorized });
    const tickets = world(undefined, () => errors.tokenRevoked).make();
    expect(await tickets.redeem(ticketOf(tickets))).toEqual({ error: errors.tokenRevoked });
  });

  it("is not taken while it is not known whether it was used", async () => {
    const tickets = world({ spend: () => Promise.reject(new Error("away")) }).make();
    expect(await tickets.redeem(ticketOf(tickets))).toEqual({ error: errors.unavailable });
  });

  it("may be any text", async () => {
    const tickets = world().make();
    for (const text of ["", ".", "x", "A".repeat(20), `${"A".repeat(20)}.`, "é".repeat(30)])
      expect(await tickets.redeem(text)).toHaveProperty("error");
  });
});
