import { run } from './command.ts';
import { programOf } from './debian-root.ts';
import { commandInside } from './node-machine.ts';

/** A wire between this machine and one of our own, with addresses that are for benchmarks in the world outside (RFC 2544: 198.18.0.0/15), thus in nobody's way. */
export interface Wire {
  /** This machine's end. */
  readonly here: string;
  readonly there: string;
  /** Addresses behind the other end, which this machine reaches through it. */
  readonly behind: string;
}

/** Lays a wire to the machine whose first process is `pid`. It goes with that machine, with its addresses and routes. */
export async function layWire(root: string, pid: number): Promise<Wire> {
  const [ip, ...before] = await programOf(root, 'usr/sbin/ip');
  const here = (...args: readonly string[]) => run(ip, [...before, ...args]);
  const there = (...args: readonly string[]) => {
    const [command, ...rest] = commandInside(pid, ['ip', ...args]);
    return run(command, rest);
  };
  const number = await connect(here, pid);
  const wire = { here: `198.18.${number}.1`, there: `198.18.${number}.2`, behind: `198.19.${number}.0/24` };
  await here('address', 'add', `${wire.here}/30`, 'dev', nameOf(number));
  await here('link', 'set', nameOf(number), 'up');
  await here('route', 'add', wire.behind, 'via', wire.there);
  await there('link', 'set', 'lo', 'up');
  await there('address', 'add', `${wire.there}/30`, 'dev', 'eth0');
  await there('link', 'set', 'eth0', 'up');
  await there('route', 'add', 'default', 'via', wire.here);
  return wire;
}

/** Makes the two ends. The name of this one holds the number that all addresses come from: the kernel lets nobody else have it meanwhile. */
async function connect(ip: (...args: readonly string[]) => Promise<string>, pid: number): Promise<number> {
  const first = Math.floor(Math.random() * 256);
  for (let i = 0; i < 256; i++) {
    const number = (first + i) % 256;
    try {
      await ip('link', 'add', nameOf(number), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid));
      return number;
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('File exists'))) throw error;
    }
  }
  throw new Error('256 machines of tests run already');
}

function nameOf(number: number): string {
  return `ea-test-${number}`;
}
