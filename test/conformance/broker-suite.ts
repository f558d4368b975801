import { after, suite, test } from 'node:test';
import { consumingCases } from './broker-consuming.ts';
import { contentCases } from './broker-content.ts';
import { deadLetterCases } from './broker-dead-letters.ts';
import { faultCases } from './broker-faults.ts';
import { limitCases } from './broker-limits.ts';
import { publishingCases } from './broker-publishing.ts';
import { routingCases } from './broker-routing.ts';
import { type Desk, type MakeWorld, openDesk } from './broker-world.ts';

/** Cases by what they show. */
export type BrokerCases = Readonly<Record<string, (desk: Desk) => Promise<void>>>;

/** What every broker must do that stands behind the port, whatever it is made of. Each case gets a world of its own; `end` is called after the last. */
export function brokerConformance(name: string, makeWorld: MakeWorld, end: () => Promise<void> = async () => {}): void {
  suite(`the broker port on ${name}`, () => {
    after(end);
    const all: BrokerCases = {
      ...publishingCases,
      ...consumingCases,
      ...contentCases,
      ...routingCases,
      ...limitCases,
      ...deadLetterCases,
      ...faultCases,
    };
    for (const [title, body] of Object.entries(all)) {
      test(title, async (t) => {
        await using world = await makeWorld(t);
        if (world !== undefined) await body(await openDesk(world));
      });
    }
  });
}
