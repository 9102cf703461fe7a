/**
 * Certificates and keys in the settings: which files belong together, and what is wrong with them.
 *
 * Invariants: what is found wrong here is what the primary would find; a key is never repeated.
 */
import type { FileProblem, PairFiles, TlsPortOptions } from "@holdfast/gateway";
import type { Finding } from "./finding.js";
import type { Settings } from "./schema.js";

type CertificateSettings = Pick<
  Settings,
  "tlsCert" | "tlsKey" | "tlsMinVersion" | "adminTlsCert" | "adminTlsKey"
>;

/** The settings of each port. */
const PORTS = [
  { cert: "tlsCert", key: "tlsKey" },
  { cert: "adminTlsCert", key: "adminTlsKey" },
] as const;

/** What the public ports are served with; undefined: they speak plain HTTP. */
export function publicTls(settings: CertificateSettings): TlsPortOptions | undefined {
  return tlsOf(settings, PORTS[0]);
}

/** The same of the admin port. */
export function adminTls(settings: CertificateSettings): TlsPortOptions | undefined {
  return tlsOf(settings, PORTS[1]);
}

/** Rules between the settings, without a look at the files. */
export function checkPairs(settings: Partial<Settings>): Finding[] {
  return PORTS.flatMap(({ cert, key }): Finding[] => {
    const [certs, keys] = [settings[cert], settings[key]];
    if (certs === undefined && keys !== undefined)
      return [{ key, message: `is a key without a certificate: set ${cert}, too` }];
    if (certs !== undefined && keys === undefined)
      return [{ key: cert, message: `is a certificate without its key: set ${key}, too` }];
    if (certs?.length === keys?.length) return [];
    const message = `names ${keys?.length} keys for ${certs?.length} certificates: name one for each, in the same order`;
    return [{ key, message }];
  });
}

/** What is wrong with the files. `examine` looks at them. */
export function checkFiles(
  settings: Partial<Settings>,
  examine: (files: readonly PairFiles[]) => FileProblem | undefined,
): Finding[] {
  return PORTS.flatMap(({ cert, key }): Finding[] => {
    const problem = examine(pairs(settings[cert], settings[key]));
    return problem === undefined
      ? []
      : [{ key: problem.of === "cert" ? cert : key, message: `${problem.file} ${problem.problem}` }];
  });
}

function tlsOf(settings: CertificateSettings, names: (typeof PORTS)[number]): TlsPortOptions | undefined {
  const files = pairs(settings[names.cert], settings[names.key]);
  return files.length === 0 ? undefined : { files, minVersion: settings.tlsMinVersion, settings: names };
}

function pairs(certs: readonly string[] = [], keys: readonly string[] = []): readonly PairFiles[] {
  return certs.flatMap((cert, index) => {
    const key = keys[index];
    return key === undefined ? [] : [{ cert, key }];
  });
}
