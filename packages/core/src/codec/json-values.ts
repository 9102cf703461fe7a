/**
 * JSON text ↔ the values that a MessagePack library takes and gives.
 *
 * Integers of up to 64 bits keep their digits, as bigint where no number has them. What JSON can say and
 * MessagePack's libraries cannot is left out here: a member `__proto__`, which they refuse; of a repeated key
 * all but the last. Invariant: linear in the text, and as deep as it nests, which the caller has bounded.
 */

/** Text in which an integer may lose digits, or a `__proto__` may hide. */
const NEEDS_CARE = /\d{16}|__proto__|\\u00[0-7]/;
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;
const INTEGER = /^-?\d+$/;
/** What MessagePack's integers reach. */
const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 64n - 1n;
/** Where the library takes bigints, it writes numbers from here on as doubles, and bigints as integers. */
const WIDE = 2 ** 32;

/** Whether `readJson` has to read the text carefully, which takes ten times as long. */
export function needsCare(json: string): boolean {
  return NEEDS_CARE.test(json);
}

/** The value of a JSON text. `isCareful`: with bigints for integers beyond 32 bits, and no `__proto__`. */
export function readJson(json: string, isCareful: boolean): unknown {
  return isCareful ? new Reader(json).value() : JSON.parse(json);
}

/** An integer as the library takes it where it takes bigints. */
export function wideInteger(value: number): number | bigint {
  return Number.isSafeInteger(value) && Math.abs(value) >= WIDE ? BigInt(value) : value;
}

/** Reads a text that JSON.parse takes. */
class Reader {
  readonly #tokens: Iterator<RegExpMatchArray>;

  constructor(json: string) {
    this.#tokens = json.matchAll(TOKENS);
  }

  value(token = this.#next()): unknown {
    switch (token[0]) {
      case "{":
        return this.#object();
      case "[":
        return this.#list();
      default:
        return INTEGER.test(token) ? integerOf(token) : JSON.parse(token);
    }
  }

  #object(): object {
    const object: Record<string, unknown> = {};
    for (let token = this.#next(); token !== "}"; token = this.#next()) {
      if (token === ",") continue;
      const name = JSON.parse(token) as string;
      this.#next();
      const value = this.value();
      if (name !== "__proto__") object[name] = value;
    }
    return object;
  }

  #list(): unknown[] {
    const list: unknown[] = [];
    for (let token = this.#next(); token !== "]"; token = this.#next())
      if (token !== ",") list.push(this.value(token));
    return list;
  }

  #next(): string {
    const { value } = this.#tokens.next();
    if (value === undefined) throw new SyntaxError("the text is no JSON");
    return value[0];
  }
}

/** Beyond 64 bits, the double that is nearest. */
function integerOf(token: string): number | bigint {
  const value = Number(token);
  if (Number.isSafeInteger(value)) return wideInteger(value);
  const exact = BigInt(token);
  return exact >= MIN_INT && exact <= MAX_INT ? exact : value;
}

/** The JSON text of a decoded value; undefined where it has bytes, NaN or an infinity in it. */
export function jsonOf(value: unknown): string | undefined {
  switch (typeof value) {
    case "bigint":
      return String(value);
    case "number":
      return Number.isFinite(value) ? JSON.stringify(value) : undefined;
    case "object":
      if (value === null) return "null";
      if (value instanceof Uint8Array) return undefined;
      return Array.isArray(value) ? jsonOfList(value) : jsonOfObject(value);
    default:
      return JSON.stringify(value);
  }
}

function jsonOfList(list: readonly unknown[]): string | undefined {
  let text = "[";
  for (const value of list) {
    const json = jsonOf(value);
    if (json === undefined) return undefined;
    text += `${text === "[" ? "" : ","}${json}`;
  }
  return `${text}]`;
}

function jsonOfObject(object: object): string | undefined {
  let text = "{";
  for (const [name, value] of Object.entries(object)) {
    const json = jsonOf(value);
    if (json === undefined) return undefined;
    text += `${text === "{" ? "" : ","}${JSON.stringify(name)}:${json}`;
  }
  return `${text}}`;
}
