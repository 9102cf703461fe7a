/**
 * Checks of settings as a whole, and of a gateway that runs with them.
 */
import { GATEWAY, WAY_THRESHOLDS } from "@holdfast/platform";
import { type Check, count, failed, given, ok, percent, warning } from "../check.js";
import { known } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import { running, told } from "./readers.js";

const gateway = ({ gateway: facts }: Facts) => known(facts);
const MOST_SHOWN = 5;

export const SETTINGS: readonly Check[] = [
  {
    code: "HF-G001",
    title: "settings",
    why: "With a wrong one the gateway does not start.",
    limits: [],
    mend: "`holdfast config check` says all that is wrong.",
    judge: given({ gateway }, ({ gateway: { problems } }) =>
      problems.length === 0 ? ok("right") : failed(shortened(problems)),
    ),
  },
  {
    code: "HF-G002",
    title: "settings that do not do what they say",
    why: "A start warns of them, and a log is rarely read at its beginning.",
    limits: [],
    mend: "Do what the sentence says.",
    judge: given({ gateway }, ({ gateway: { warnings } }) =>
      warnings.length === 0 ? ok("none") : warning(shortened(warnings)),
    ),
  },
];

export const RUNNING: readonly Check[] = [
  {
    code: "HF-G040",
    title: "readiness",
    why: "A load balancer sends no clients to a gateway that is not ready.",
    limits: [],
    mend: "Do what the sentence says, and look at the log.",
    judge: given({ running }, ({ running: { notReady, url } }) =>
      notReady.length === 0 ? ok(`${url} is ready`) : failed(`${url} is not ready: ${shortened(notReady)}`),
    ),
  },
  {
    code: "HF-G041",
    title: "room for connections",
    why: "A full gateway refuses with 503: there is no room for the clients of an instance that is lost.",
    limits: [WAY_THRESHOLDS.useShare],
    mend: "Start another instance, or raise `maxConnections` where files and memory allow it.",
    judge: given(
      {
        open: told(({ connections }) => connections),
        most: told(({ connectionsLimit }) => connectionsLimit),
      },
      ({ open, most }) => {
        const found = `${count(open)} of ${count(most)} (${percent(open / most)})`;
        if (open >= most) return failed(found);
        return open / most > WAY_THRESHOLDS.useShare.value ? warning(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-G042",
    title: "workers that ended",
    why: "A worker ends by a fault or by the kernel: its clients came back to the others.",
    limits: [GATEWAY.bytesPerProcess],
    mend: "Look for the worker's last lines in the log, and for `oom-kill` in that of the kernel.",
    judge: given(
      { restarts: told(({ workerRestarts }) => workerRestarts), workers: told(({ workers }) => workers) },
      ({ restarts, workers }) => {
        const found = `${count(workers)} run, ${count(restarts)} were started again`;
        return restarts > 0 ? warning(found) : ok(found);
      },
    ),
  },
];

function shortened(sentences: readonly string[]): string {
  const more = sentences.length - MOST_SHOWN;
  return sentences.slice(0, MOST_SHOWN).join("; ") + (more > 0 ? `; and ${more} more` : "");
}
