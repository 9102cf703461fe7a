/**
 * Names of properties that are used inside the bundle only, and that it therefore shortens.
 *
 * Invariant: none is a name of the public API, of the wire, of the platform, or written as text anywhere; src/bundle.test.ts checks it.
 */
export const INTERNAL_NAMES = Object.freeze(
  `better addConnect answered arrive asked catchUp upgradeAfter upgraded current dial doubt doubted announce forgetPending sendConnect heard toBeHad
  fits needsToken nextId notBeforeMs old pauseBefore positionOf probe problem received refused renew renewable renewed
  seen settle skip stateOf stored terminal tokens told wanted whenIdle wire wish worked isOver endedBy exceeds pauseFor releaseHandle wantAgain`.split(
    /\s+/,
  ),
);
