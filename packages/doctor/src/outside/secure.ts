/**
 * Checks of the way's beginning: name, TLS, what is reachable and should not be.
 */
import { MACHINE_THRESHOLDS, WAY_THRESHOLDS } from "@holdfast/platform";
import { type Check, failed, given, ok, warning } from "../check.js";
import { isKnown } from "../facts/fact.js";
import { isBelow } from "../version.js";
import { of, outside } from "./readers.js";

const { certificateDays, tlsOldest } = WAY_THRESHOLDS;

export const SECURE: readonly Check[] = [
  {
    code: "HF-O001",
    title: "name of the public URL",
    why: "A name that leads nowhere, or to one address alone, is where every client begins.",
    limits: [],
    mend: "Check the record of the name at your DNS.",
    judge: given({ way: outside }, ({ way: { url, addresses } }) => {
      if (!isKnown(addresses)) return failed(`${url}: ${addresses.unknown}`);
      return addresses.value.length === 0 ? failed(`${url} has no address`) : ok(addresses.value.join(", "));
    }),
  },
  {
    code: "HF-O002",
    title: "TLS in front",
    why: "Without it everybody on the way reads tokens and messages, and proxies on the way break WebSockets.",
    limits: [tlsOldest],
    mend: "End TLS at the load balancer, and give clients a wss:// address.",
    judge: given({ way: outside }, ({ way: { isSecure, isLocal } }) => {
      if (isSecure) return ok("wss://");
      return isLocal ? ok("ws://, on this machine") : warning("ws://, to another machine");
    }),
  },
  {
    code: "HF-O003",
    title: "chain of the certificate",
    why: "Browsers refuse a WebSocket with a certificate they do not trust, and show a page nothing of the reason.",
    limits: [],
    mend: "Install the whole chain, with the intermediate certificates, for the name in the URL.",
    judge: given({ tls: of(({ tls }) => tls) }, ({ tls: { problem } }) =>
      problem === undefined ? ok("trusted, for this name") : failed(problem),
    ),
  },
  {
    code: "HF-O004",
    title: "end of the certificate",
    why: "On that day no client connects.",
    limits: [certificateDays],
    mend: "Renew it, and find out why its renewal has not done so.",
    judge: given({ tls: of(({ tls }) => tls) }, ({ tls: { daysLeft } }) => {
      if (daysLeft < 0) return failed(`the certificate ended ${-daysLeft} days ago`);
      return daysLeft < certificateDays.value ? warning(`in ${daysLeft} days`) : ok(`in ${daysLeft} days`);
    }),
  },
  {
    code: "HF-O005",
    title: "version of TLS",
    why: "Old versions are broken, and browsers refuse them.",
    limits: [tlsOldest],
    mend: "Allow TLS 1.2 and 1.3 at the load balancer.",
    judge: given({ tls: of(({ tls }) => tls) }, ({ tls: { protocol } }) => {
      const version = /^TLSv(\d+(?:\.\d+)?)$/.exec(protocol)?.[1];
      return version === undefined || isBelow(version, tlsOldest.value) ? failed(protocol) : ok(protocol);
    }),
  },
  {
    code: "HF-O006",
    title: "the admin port from outside",
    why: "Its paths give orders to all connections, and must not be forwarded.",
    limits: [],
    mend: "Forward the public ports alone, and never the admin port.",
    judge: given({ paths: of(({ adminPaths }) => adminPaths) }, ({ paths }) =>
      paths.length === 0 ? ok("not reachable") : failed(`${paths.join(", ")} are answered`),
    ),
  },
  {
    code: "HF-O007",
    title: "pages of other sites",
    why: "A proxy that changes `Host` or takes `Origin` out makes every page one of ours.",
    limits: [],
    mend: "Let the proxy pass `Host` and `Origin` on, and list your pages in `origins`.",
    judge: given(
      { status: of(({ foreignOrigin }) => foreignOrigin), settings: ({ gateway }) => gateway.settings },
      ({ status, settings: { origins } }) => {
        if (status === 403) return ok("refused");
        if (status !== 101) return warning(`answered with ${status}, and not refused with 403`);
        return origins?.includes("*") ? ok("let in, as origins * says") : failed("let in");
      },
    ),
  },
  {
    code: "HF-O008",
    title: "clock of the other end",
    why: "Tokens are compared with the clocks of all instances.",
    limits: [MACHINE_THRESHOLDS.clockSkewMs],
    mend: "Keep the clocks of instances and proxies right, by NTP.",
    judge: given({ skew: of(({ clockSkewMs }) => clockSkewMs) }, ({ skew }) => {
      const found = `${Math.round(Math.abs(skew) / 1000)} s ${skew < 0 ? "behind" : "ahead"}`;
      return Math.abs(skew) > MACHINE_THRESHOLDS.clockSkewMs.value ? warning(found) : ok(found);
    }),
  },
];
