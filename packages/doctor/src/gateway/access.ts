/**
 * Checks of who may do what: origins, anonymous clients, the admin port, secrets.
 */
import { WAY_THRESHOLDS } from "@holdfast/platform";
import { type Check, failed, given, ok, warning } from "../check.js";
import { settings } from "./readers.js";

const { secretLeast } = WAY_THRESHOLDS;
const ANY = ["0.0.0.0/0", "::/0"];

export const ACCESS: readonly Check[] = [
  {
    code: "HF-G020",
    title: "origins",
    why: "A browser sends a visitor's cookie along, whichever page asks: with `*` any page connects in the visitor's name.",
    limits: [],
    mend: "List your own pages in `origins`.",
    judge: given({ settings }, ({ settings: { origins, showsCookies, isPublic } }) => {
      if (origins?.includes("*") !== true)
        return ok(origins === undefined ? "only the gateway's own host" : origins.join(", "));
      if (showsCookies) return failed("*, and the application is asked by cookies who connects");
      return isPublic ? warning("*: pages of any site connect") : ok("*, on an address of loopback");
    }),
  },
  {
    code: "HF-G021",
    title: "clients without a token",
    why: "On a public address any program may connect and subscribe to what is open.",
    limits: [],
    mend: "Set a key for tokens (`jwtSecret`, `jwtPublicKey`, `jwksUrl`) or `webhookConnectUrl`, and leave `anonymous` out.",
    judge: given({ settings }, ({ settings: { anonymous, isPublic, knowsClients } }) => {
      if (!anonymous) return ok("not accepted on a public address");
      if (!isPublic) return ok("accepted on loopback");
      return knowsClients
        ? ok("accepted beside those with tokens, for what is public")
        : warning("accepted on a public address, where every channel is open");
    }),
  },
  {
    code: "HF-G022",
    title: "key of the admin port",
    why: "The admin API publishes to all connections and ends them. Without a key every program on this machine may do that.",
    limits: [],
    mend: "Set `adminKey` (HOLDFAST_ADMIN_KEY) to 32 random characters.",
    judge: given({ settings }, ({ settings: { hasAdminKey, isAdminPublic, isPublic } }) => {
      if (hasAdminKey) return ok("set");
      if (isAdminPublic) return failed("none, and other machines reach the port");
      return isPublic ? warning("none, for a gateway that other machines reach") : ok("none, on loopback");
    }),
  },
  {
    code: "HF-G023",
    title: "address of the admin port",
    why: "It is for operators: what clients reach should not be what gives orders.",
    limits: [],
    mend: "Set `adminHost` to loopback or to an address of the private network, and let a firewall guard it.",
    judge: given({ settings }, ({ settings: { isAdminPublic } }) =>
      isAdminPublic ? warning("other machines reach it") : ok("loopback"),
    ),
  },
  {
    code: "HF-G024",
    title: "secrets",
    why: "A shared secret that can be guessed lets anybody sign tokens, at leisure and unseen.",
    limits: [secretLeast],
    mend: "Make each with `openssl rand -base64 48`.",
    judge: given({ settings }, ({ settings: { secrets } }) => {
      const example = secrets.find(({ isExample }) => isExample);
      if (example !== undefined) return failed(`${example.key} is the example of the documents`);
      const weak = secrets.filter(({ bits }) => bits < secretLeast.value);
      if (weak.length > 0)
        return failed(
          `${weak.map(({ key, bits }) => `${key} (about ${bits} bits)`).join(", ")} can be guessed`,
        );
      return ok(secrets.length === 0 ? "none is set" : `${secrets.map(({ key }) => key).join(", ")}`);
    }),
  },
  {
    code: "HF-G025",
    title: "tokens in URLs",
    why: "The logs of proxies keep URLs, and whoever reads them has the token.",
    limits: [],
    mend: "Leave `tokenInUrl` out: the SDK sends tokens in `connect`.",
    judge: given({ settings }, ({ settings: { tokenInUrl } }) =>
      tokenInUrl ? warning("taken") : ok("not taken"),
    ),
  },
  {
    code: "HF-G026",
    title: "questions without TLS",
    why: "Whoever is on the way to the application or the issuer answers in its place.",
    limits: [WAY_THRESHOLDS.tlsOldest],
    mend: "Write https:// in the setting.",
    judge: given({ settings }, ({ settings: { plainUrls } }) =>
      plainUrls.length === 0
        ? ok("none leaves this machine")
        : failed(plainUrls.map(({ key, host }) => `${key} asks ${host}`).join(", ")),
    ),
  },
  {
    code: "HF-G027",
    title: "which proxies are believed",
    why: "A client that is believed chooses its own address, and limits per address count nothing.",
    limits: [],
    mend: "List the load balancer's networks in `trustedProxies`.",
    judge: given({ settings }, ({ settings: { proxyProtocol, trustedProxies, isPublic } }) => {
      const any = trustedProxies?.find((each) => ANY.includes(each));
      if (any !== undefined) return failed(`${any}: every client is believed`);
      if (proxyProtocol && trustedProxies === undefined && isPublic)
        return warning("a PROXY header of every peer: let only the load balancer reach the port");
      return ok(trustedProxies?.join(", ") ?? "none");
    }),
  },
  {
    code: "HF-G028",
    title: "limits per address behind a proxy",
    why: "Where no proxy is believed, all clients behind one share its address, and its limit.",
    limits: [],
    mend: "Set `proxyProtocol` or `trustedProxies` where a load balancer is in front.",
    judge: given(
      { settings },
      ({ settings: { hasAddressLimits, proxyProtocol, trustedProxies, isPublic } }) => {
        if (!hasAddressLimits) return ok("there are none");
        const isTold = proxyProtocol || trustedProxies !== undefined;
        return isTold || !isPublic
          ? ok("clients are told apart")
          : warning("right only where clients connect directly");
      },
    ),
  },
];
