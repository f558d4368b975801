import { profiles } from '../../src/broker/embedded-profile.ts';
import { brokerConformance } from './broker-suite.ts';
import { embeddedWorld } from './embedded-world.ts';

for (const { version } of Object.values(profiles))
  brokerConformance(`the embedded broker as ${version}`, async () => embeddedWorld(version));
