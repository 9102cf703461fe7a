/**
 * Checks of durations: pings against idle timeouts, polls against them, drains against the end of a service.
 */
import { GATEWAY, LOAD_BALANCER, WAY_THRESHOLDS } from "@holdfast/platform";
import { type Check, failed, given, ok, warning } from "../check.js";
import { idleTimeout, seconds, settings } from "./readers.js";

const { idleAssumedSeconds } = WAY_THRESHOLDS;
const RESERVE_MS = GATEWAY.stopReserveSeconds.value * 1000;

export const TIMING: readonly Check[] = [
  {
    code: "HF-G010",
    title: "ping interval",
    why: "A ping as rare as the idle timeout of a load balancer loses the race: quiet clients are cut off.",
    limits: [LOAD_BALANCER.pingShare, idleAssumedSeconds],
    mend: "Set `pingInterval` to half of the shortest idle timeout, or say that timeout with `--idle-timeout`.",
    judge: given({ settings, idle: idleTimeout }, ({ settings: { pingInterval }, idle }) => {
      const most = idle * LOAD_BALANCER.pingShare.value;
      const found = `${seconds(pingInterval)}, and an idle timeout of ${seconds(idle)}`;
      if (pingInterval >= idle) return failed(found);
      return pingInterval > most ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-G011",
    title: "time to notice a lost client",
    why: "Until then it holds a place, counts as present, and what is sent to it waits.",
    limits: [LOAD_BALANCER.pingShare],
    mend: "Shorten `pingInterval` and `pongTimeout`.",
    judge: given({ settings, idle: idleTimeout }, ({ settings: { pingInterval, pongTimeout }, idle }) => {
      const most = 1.5 * pingInterval + pongTimeout;
      const found = `up to ${seconds(most)}`;
      return most > 5 * idle ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-G012",
    title: "how long a poll is held",
    why: "A poll that is held as long as the idle timeout is answered by the load balancer, with 504.",
    limits: [idleAssumedSeconds],
    mend: "Set `pollHold` below the shortest idle timeout.",
    judge: given({ settings, idle: idleTimeout }, ({ settings: { pollHold }, idle }) => {
      const found = `${seconds(pollHold)}, and an idle timeout of ${seconds(idle)}`;
      return pollHold >= idle ? failed(found) : ok(found);
    }),
  },
  {
    code: "HF-G013",
    title: "time to stop",
    why: "systemd kills what is left after TimeoutStopSec: clients that were to leave one by one come back all at once.",
    limits: [GATEWAY.stopReserveSeconds],
    mend: "Set `TimeoutStopSec=` to `drainDelay`, `drainWindow` and 15 s together at least.",
    judge: given(
      { settings, unit: ({ machine }) => machine.unit },
      ({ settings: { drainDelay, drainWindow }, unit: { timeoutStopMs } }) => {
        const needed = drainDelay + drainWindow + RESERVE_MS;
        const found = `TimeoutStopSec=${timeoutStopMs === Number.POSITIVE_INFINITY ? "infinity" : `${timeoutStopMs / 1000}s`}, and a stop takes up to ${seconds(needed)}`;
        return timeoutStopMs < needed ? failed(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-G014",
    title: "delay of a drain",
    why: "Without one a load balancer sends new clients to a gateway that already refuses them.",
    limits: [LOAD_BALANCER.deregistrationLeast],
    mend: "Set `drainDelay` to the health check's interval times its threshold, and some seconds: 70s with the defaults of AWS.",
    judge: given({ settings }, ({ settings: { isPublic, drainDelay } }) => {
      if (!isPublic) return ok("nothing is in front of an address of loopback");
      const found = seconds(drainDelay);
      return drainDelay < LOAD_BALANCER.deregistrationLeast.value * 1000 ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-G015",
    title: "window of a drain",
    why: "The clients of a gateway that stops come back to the others within it.",
    limits: [GATEWAY.returnsPerSecondPerCpu],
    mend: "Set `drainWindow` to the connections divided by what the others take a second.",
    judge: given({ settings }, ({ settings: { maxConnections, workers, drainWindow, isPublic } }) => {
      if (!isPublic) return ok("there are no others for an address of loopback");
      const perSecond = workers * GATEWAY.returnsPerSecondPerCpu.value;
      const needed = (maxConnections / perSecond) * 1000;
      const found = `${seconds(drainWindow)}; another instance of this size takes ${perSecond} a second`;
      return drainWindow < needed / 4
        ? warning(
            found,
            `Set \`drainWindow\` to about ${Math.ceil(needed / 1000)}s where the gateway is full.`,
          )
        : ok(found);
    }),
  },
];
