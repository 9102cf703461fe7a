/**
 * The lives of a topic's log: every publication that was ever given a place, also those that were lost again.
 * The truth that the checker compares with; the code under test never sees it.
 *
 * A life is what one epoch names. It goes on from its parent at an offset up to which both are the same.
 */
import type { Data, Position } from "@holdfast/protocol";

/** A publication's place, by the life that created it: equal to itself in all lives that share it. */
export interface Node {
  readonly epoch: string;
  readonly offset: number;
  readonly data: Data;
}

interface Life {
  /** The last position of another life that this one shares. */
  readonly parent: Position | undefined;
  readonly nodes: Node[];
}

export class Lives {
  readonly #lives = new Map<string, Life>();

  begin(epoch: string, parent: Position | undefined): void {
    this.#lives.set(epoch, { parent, nodes: [] });
  }

  append(epoch: string, offset: number, data: Data): void {
    this.#lives.get(epoch)?.nodes.push({ epoch, offset, data });
  }

  node({ epoch, offset }: Position): Node | undefined {
    const life = this.#lives.get(epoch);
    if (life === undefined) return undefined;
    const { parent, nodes } = life;
    const shared = parent?.offset ?? 0;
    if (offset > shared) return nodes[offset - shared - 1];
    return parent && this.node({ epoch: parent.epoch, offset });
  }

  /** Whether everything up to `position` is the same in the life `epoch`. */
  shares({ epoch: from, offset }: Position, epoch: string): boolean {
    let shared = Number.POSITIVE_INFINITY;
    for (let name: string | undefined = epoch; name !== undefined; ) {
      if (name === from) return offset <= shared;
      const parent: Position | undefined = this.#lives.get(name)?.parent;
      shared = Math.min(shared, parent?.offset ?? 0);
      name = parent?.epoch;
    }
    return false;
  }
}
