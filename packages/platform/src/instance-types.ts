/**
 * EC2 instance types: CPUs, memory, architecture and price, from the family and the size.
 *
 * Invariant: an unknown name is undefined, never a guess. Families are those that suit a gateway; a
 * caller may bring the numbers of any other type.
 */

export interface InstanceType {
  readonly name: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly architecture: "arm64" | "x86_64";
  /** US dollars an hour on demand in us-east-1, if it is known. */
  readonly pricePerHour: number | undefined;
}

interface Family {
  readonly gibPerCpu: number;
  readonly architecture: "arm64" | "x86_64";
  /**
   * Of the size `large`; other sizes are multiples of it. General knowledge: read it again before you
   * quote it.
   */
  readonly largePrice: number;
}

const FAMILIES: Readonly<Record<string, Family>> = Object.freeze({
  t4g: { gibPerCpu: 4, architecture: "arm64", largePrice: 0.0672 },
  c7g: { gibPerCpu: 2, architecture: "arm64", largePrice: 0.0725 },
  m7g: { gibPerCpu: 4, architecture: "arm64", largePrice: 0.0816 },
  r7g: { gibPerCpu: 8, architecture: "arm64", largePrice: 0.1071 },
  c8g: { gibPerCpu: 2, architecture: "arm64", largePrice: 0.07976 },
  m8g: { gibPerCpu: 4, architecture: "arm64", largePrice: 0.08976 },
  r8g: { gibPerCpu: 8, architecture: "arm64", largePrice: 0.11782 },
  c7i: { gibPerCpu: 2, architecture: "x86_64", largePrice: 0.08925 },
  m7i: { gibPerCpu: 4, architecture: "x86_64", largePrice: 0.1008 },
  r7i: { gibPerCpu: 8, architecture: "x86_64", largePrice: 0.1323 },
  "m7i-flex": { gibPerCpu: 4, architecture: "x86_64", largePrice: 0.0958 },
});

/** vCPUs by `large`, which has two. */
const SIZES: Readonly<Record<string, number>> = Object.freeze({
  medium: 0.5,
  large: 1,
  xlarge: 2,
  "2xlarge": 4,
  "4xlarge": 8,
  "8xlarge": 16,
  "12xlarge": 24,
  "16xlarge": 32,
  "24xlarge": 48,
});

/**
 * What a type such as `m8g.2xlarge` has, or undefined for a family or a size that is not in the tables.
 */
export function instanceType(name: string): InstanceType | undefined {
  const [familyName = "", size = ""] = name.split(".");
  const family = Object.hasOwn(FAMILIES, familyName) ? FAMILIES[familyName] : undefined;
  const factor = Object.hasOwn(SIZES, size) ? SIZES[size] : undefined;
  if (family === undefined || factor === undefined) return undefined;
  // A medium of Graviton has one CPU and the memory of a whole `xlarge` CPU; that of t4g has two and is
  // left out.
  if (size === "medium" && (family.architecture !== "arm64" || familyName === "t4g")) return undefined;
  const cpus = factor * 2;
  return {
    name,
    cpus,
    memoryBytes: cpus * family.gibPerCpu * 1024 ** 3,
    architecture: family.architecture,
    pricePerHour: family.largePrice * factor,
  };
}

/** Families that `instanceType` knows, for messages. */
export function knownFamilies(): string[] {
  return Object.keys(FAMILIES);
}
