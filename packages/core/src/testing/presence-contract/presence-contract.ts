/**
 * The contract of the presence store as a test suite: what `presence-store.ts` says in words, every
 * implementation must pass.
 *
 * Leaves each topic to a file of this folder.
 */
import { describe } from "@jest/globals";
import { anEndTakesMembersOut, leasesLapse } from "./leases.js";
import { channelsAreApart, membersComeAndGo, numbersOnlyAscend } from "./members.js";
import { newsIsBounded, newsTellsEachStep, newsTellsWhatIsShown } from "./news.js";
import { pagesHaveEachMemberOnce, takesAnyCursor } from "./pages.js";
import { PresenceTest, type PresenceWorld } from "./presence-world.js";
import { aSessionOfTwoWorkers } from "./two-workers.js";

/** Runs the contract against `factory`, which makes a new world for each test. */
export function presenceContract(name: string, factory: () => PresenceWorld | Promise<PresenceWorld>): void {
  describe(`${name} keeps the presence contract`, () => {
    const use = new PresenceTest(factory);
    membersComeAndGo(use);
    newsTellsEachStep(use);
    newsIsBounded(use);
    pagesHaveEachMemberOnce(use);
    takesAnyCursor(use);
    numbersOnlyAscend(use);
    channelsAreApart(use);
    aSessionOfTwoWorkers(use);
    newsTellsWhatIsShown(use);
    anEndTakesMembersOut(use);
    leasesLapse(use);
  });
}
