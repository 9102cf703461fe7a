import { expect, it } from "@jest/globals";
import { Failure } from "../failure.js";
import { startProblem } from "./start-problem.js";

it.each([
  [
    { code: "EADDRINUSE", address: "127.0.0.1", port: 8080 },
    "port 8080 on 127.0.0.1 is in use: end what listens there, or choose another with --port or --admin-port",
  ],
  [
    { code: "EACCES", address: "127.0.0.1", port: 80 },
    "this user may not listen on port 80 of 127.0.0.1: choose another with --port or --admin-port, or allow it (CAP_NET_BIND_SERVICE)",
  ],
  [
    { code: "EADDRNOTAVAIL", address: "10.9.8.7", port: 80 },
    "10.9.8.7 is not an address of this machine: name one that is with --host or --admin-host",
  ],
  [
    { code: "ENOTFOUND", hostname: "nowhere" },
    "the host name nowhere cannot be resolved: check --host and --admin-host",
  ],
  [{ code: "EMFILE" }, "too many open files: raise the limit with `ulimit -n` or LimitNOFILE="],
  [{ code: "EWHATEVER", message: "it broke" }, "the gateway cannot start: it broke"],
])("says what to do about %j", (fields, message) => {
  const problem = startProblem(Object.assign(new Error(), fields), () => undefined);
  expect(problem).toBeInstanceOf(Failure);
  expect((problem as Failure).message).toBe(message);
});

it("says that a port is an outgoing connection's own", () => {
  const error = Object.assign(new Error(), { code: "EADDRINUSE", address: "127.0.0.1", port: 40_000 });
  const problem = startProblem(error, (port) => (port === 40_000 ? { to: "10.0.2.5:6379" } : undefined));
  expect((problem as Failure).message).toBe(
    "port 40000 on 127.0.0.1 is in use although nothing listens there: an outgoing connection to 10.0.2.5:6379 has it as its own port. " +
      "Wait until that has ended (`ss -tnp sport = :40000` names the program), keep the port for listeners (`sysctl -w net.ipv4.ip_local_reserved_ports=40000`), or choose another with --port or --admin-port",
  );
});

it("leaves bugs as they are", () => {
  const bug = new TypeError("undefined is not a function");
  expect(startProblem(bug)).toBe(bug);
});
