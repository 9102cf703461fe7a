/**
 * Checks of a gateway's surroundings. Everything here is pure: facts in, verdicts out.
 */
export type { Check, Outcome, CheckVerdict } from "./check.js";
export {
  type Fact,
  isKnown,
  type Known,
  known,
  mapped,
  type Unknown,
  unknown,
  within,
} from "./facts/fact.js";
export type { Facts } from "./facts/facts.js";
export type { GatewayFacts, RunningFacts, SettingsFacts } from "./facts/gateway.js";
export {
  type FolderFacts,
  type InterfaceFacts,
  type MachineFacts,
  SYSCTL_KEYS,
  type SysctlKey,
  type UnitFacts,
} from "./facts/machine.js";
export type { NodeFacts } from "./facts/node.js";
export type {
  OutsideFacts,
  ProbeFacts,
  SilenceFacts,
  StreamFacts,
  TakenFor,
  TlsFacts,
} from "./facts/outside.js";
export type { RedisFacts } from "./facts/redis.js";
export { CHECK_GROUPS, type CheckGroup, START_GROUPS } from "./groups.js";
export { doctorMarkdown } from "./markdown.js";
export { type CheckResult, type DoctorReport, examine, type GroupReport } from "./report.js";
