/**
 * Why a gateway could not start, for the errors that a person can act on.
 */
import { flagOf } from "../config/setting.js";
import { Failure, sentence, systemCode } from "../failure.js";
import { outgoingConnectionOn } from "./port-holder.js";

/**
 * An error of listening (`address` and `port` are Node's), a sentence of the gateway's, or a bug, which stays
 * as it is.
 */
export function startProblem(error: unknown, outgoingOn = outgoingConnectionOn): unknown {
  if (error instanceof Failure) return error;
  const code = systemCode(error);
  if (code === undefined) {
    // The gateway says in a plain Error why its workers cannot start; errors of other classes are no message
    // for people.
    const plain = error instanceof Error && error.name === "Error";
    return plain ? new Failure(`the gateway cannot start: ${error.message}`, 1, { cause: error }) : error;
  }
  const { address, hostname, port } = error as { address?: string; hostname?: string; port?: number };
  // Of a file, say: nothing that a port could mend.
  if (port === undefined && hostname === undefined && address === undefined) {
    return code === "EMFILE" || code === "ENFILE"
      ? tooManyFiles(error)
      : new Failure(`the gateway cannot start: ${sentence(error)}`, 1, { cause: error });
  }
  const host = address ?? hostname ?? "the address";
  const options = { cause: error };
  const choose = `choose another with ${flagOf("port")} or ${flagOf("adminPort")}`;
  switch (code) {
    case "EADDRINUSE":
      return new Failure(`port ${port} on ${host} ${inUse(port, outgoingOn)}, or ${choose}`, 1, options);
    case "EACCES":
      return new Failure(
        `this user may not listen on port ${port} of ${host}: ${choose}, or allow it (CAP_NET_BIND_SERVICE)`,
        1,
        options,
      );
    case "EADDRNOTAVAIL":
      return new Failure(
        `${host} is not an address of this machine: name one that is with ${flagOf("host")} or ${flagOf("adminHost")}`,
        1,
        options,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new Failure(
        `the host name ${host} cannot be resolved: check ${flagOf("host")} and ${flagOf("adminHost")}`,
        1,
        options,
      );
    case "EMFILE":
    case "ENFILE":
      return tooManyFiles(error);
    default:
      return new Failure(`the gateway cannot start: ${sentence(error)}`, 1, options);
  }
}

function inUse(port: number | undefined, outgoingOn: typeof outgoingConnectionOn): string {
  const outgoing = port === undefined ? undefined : outgoingOn(port);
  if (outgoing === undefined) return "is in use: end what listens there";
  const { to } = outgoing;
  return (
    `is in use although nothing listens there: an outgoing connection${to === undefined ? "" : ` to ${to}`} has it as its own port. ` +
    `Wait until that has ended (\`ss -tnp sport = :${port}\` names the program), keep the port for listeners (\`sysctl -w net.ipv4.ip_local_reserved_ports=${port}\`)`
  );
}

function tooManyFiles(cause: unknown): Failure {
  return new Failure("too many open files: raise the limit with `ulimit -n` or LimitNOFILE=", 1, { cause });
}
