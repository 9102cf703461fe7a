import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";

/**
 * Every source that reads the wall clock, and why monotonic time would be wrong there: the time is shown to
 * people or shared with other machines. docs/operations.md, "Clock", names the tolerances.
 */
const MAY_READ: Readonly<Record<string, string>> = {
  "cli/src/commands/disconnect.ts": "the end of a revocation, shared with every instance",
  "cli/src/commands/swarm-run.ts": "the end of a token",
  "cli/src/listen/listener.ts": "when the next attempt comes, told by the SDK",
  "cli/src/backends/embedded-backend.ts": "revocations name their end by the wall clock",
  "cli/src/config/flags.ts": "compared with the end of a certificate",
  "cli/src/doctor/facts-reader.ts": "compared with the clock of Redis, shown to operators",
  "cli/src/doctor/node-reader.ts": "compared with the ends of support, shown to operators",
  "cli/src/doctor/way/paths.ts": "compared with the `Date` of answers, shown to operators",
  "cli/src/doctor/way/tls.ts": "compared with the end of a certificate, shown to operators",
  "cli/src/compose.ts": "the time of a warning, shown to operators",
  "cli/src/commands/token.ts": "the end of a token",
  "client/src/clock.ts": "the seam itself",
  "client/src/connection/connector.ts": "when the next attempt comes, shown to the page",
  "core/src/assembly.ts": "resume tokens, checked by other instances",
  "core/src/access/authentication.ts": "the end of a token",
  "core/src/runtime/clock.ts": "the seam itself",
  "core/src/commands/welcome.ts": "`serverTime`, told to the client",
  "core/src/commands/authorize-subscribe.ts": "when a grant was issued, compared with revocations",
  "core/src/commands/subscribe.ts": "when a grant was issued, compared with revocations",
  "core/src/commands/url-connect.ts": "`serverTime`, told to the client",
  "core/src/events/event-sink-memory.ts": "the time of an event, told to backends",
  "core/src/connection/expiries.ts": "the end of a token",
  "core/src/control/survey.ts": "when a survey was made, shown to operators",
  "core/src/control/control.ts": "the end of a revocation, shared with every instance",
  "core/src/presence/memory.ts": "numbers above those of an earlier life; leases are monotonic",
  "core/src/access/revocations.ts": "the end of a revocation, shared with every instance",
  "core/src/access/tickets.ts": "checked by other instances",
  "aws/src/run-task.ts": "the deadline of a drain and the time of a report",
  "aws/src/run.ts": "the deadline of a drain, as the gateway says it",
  "aws/src/reporter.ts": "the time of a report, told to CloudWatch",
  "gateway/src/primary/instance.ts": "when a reload began and ended, shown to operators",
  "gateway/src/worker/worker.ts": "which incidents are recent, shown to operators",
  "gateway/src/primary/operations/overview.ts": "when an overview was made, shown to operators",
  "gateway/src/primary/operations/viewing.ts": "when the instance started, shown to operators",
  "gateway/src/worker/canary/canary.ts": "the skew between instances is what it measures",
  "gateway/src/primary/operations/instance-drain.ts": "when a drain began and ends, shown to operators",
  "gateway/src/primary/admin/admin-port.ts": "the end of a revocation, shared with every instance",
  "gateway/src/primary/admin/sessions.ts": "the end of a session, checked by other instances",
  "gateway/src/tls/certificate-store.ts": "compared with the end of a certificate, told to operators",
  "gateway/src/http/date-field.ts": "the `Date` of answers, told to clients",
  "gateway/src/worker/relay/instance-seal.ts":
    "when an instance sealed something, checked by other instances",
  "gateway/src/worker/tokens/token.ts": "the end of a token",
  "gateway/src/worker/webhook/hook-client.ts": "the timestamp in a signature, checked by the application",
  "gateway/src/worker/webhook/webhooks.ts": "when an identity was told, compared with revocations",
  "redis/src/event-stream.ts": "the time of an event, told to backends",
  "swarm/src/swarm.ts": "when a run began, shown in its report",
};

const READS = /\bDate\.now\b|\bnew Date\(\)|\bclock\.now\b|#clock\.now\b|systemClock\.now\b/;
const PACKAGES = [
  "protocol",
  "core",
  "redis",
  "gateway",
  "client",
  "swarm",
  "platform",
  "doctor",
  "aws",
  "cli",
];

describe("the wall clock", () => {
  const readers = PACKAGES.flatMap((name) =>
    readdirSync(join("packages", name, "src"), { recursive: true, encoding: "utf8" })
      .map((file) => `${name}/src/${file}`)
      .filter((file) => file.endsWith(".ts") && !/\.test\.ts$|\/testing\//.test(file))
      .filter((file) => READS.test(readFileSync(join("packages", file), "utf8"))),
  ).sort();

  it("is read only where time is shown or shared, never for a lease, a deadline or an age", () => {
    expect(readers.filter((file) => !Object.hasOwn(MAY_READ, file))).toEqual([]);
  });

  it("is read by every source of that list", () => {
    expect(Object.keys(MAY_READ).filter((file) => !readers.includes(file))).toEqual([]);
  });
});
