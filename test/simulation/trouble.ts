import type { Random } from './random.ts';
import type { ModelScript } from './scripted-model.ts';
import { type SinkScript, takesIt } from './sink.ts';
import type { World } from './world.ts';

/** One of the things that a model does, mostly to answer. */
export function modelScript(random: Random): ModelScript {
  const delayMs = random.integer(1, random.chance(0.1) ? 40_000 : 3000);
  if (!random.chance(0.35)) return { delayMs };
  const fails = random.pick<NonNullable<ModelScript['fails']>>([
    { code: 'ServerError', billed: false },
    { code: 'Cut', billed: true },
    { code: 'Stalled', billed: true },
    { code: 'Overloaded', billed: false },
    { code: 'Unreachable', billed: false },
    { code: 'RateLimited', billed: false, retryAfterMs: 5000 },
    { code: 'RateLimited', billed: false, retryAfterMs: 90_000 },
    { code: 'BadRequest', billed: false },
    { code: 'Unauthorized', billed: false },
    { code: 'Forbidden', billed: false },
    { code: 'SpendLimit', billed: false },
    { code: 'ModelNotFound', billed: false },
  ]);
  return random.chance(0.1) ? { delayMs, stopReason: random.pick(['max_tokens', 'refusal', 'tool_use']) } : { delayMs, fails };
}

/** One of the things that a sink does, mostly to take it. */
export function sinkScript(random: Random): SinkScript {
  const delayMs = random.integer(1, 2000);
  if (!random.chance(0.4)) return { ...takesIt, delayMs };
  const answered = (status: number, retryAfterMs?: number): SinkScript['answer'] => ({
    kind: 'answered',
    status,
    rateLimited: false,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
  return random.pick<SinkScript>([
    { takes: false, answer: answered(503), delayMs },
    { takes: true, answer: answered(500), delayMs },
    { takes: true, answer: answered(502), delayMs },
    { takes: false, answer: answered(504), delayMs },
    { takes: false, answer: answered(429, 45_000), delayMs },
    { takes: true, answer: { kind: 'unknown', error: 'ECONNRESET' }, delayMs },
    { takes: false, answer: { kind: 'unknown', error: 'ECONNRESET' }, delayMs },
    { takes: false, answer: { kind: 'not-sent', error: 'ECONNREFUSED' }, delayMs },
    { takes: false, answer: answered(422), delayMs },
  ]);
}

/** Broker and store trouble, by the clock. */
export function haunt(random: Random, world: World, trouble: { left: number }): void {
  world.clock.timer(random.integer(500, 30_000), () => {
    if (trouble.left <= 0) return;
    trouble.left -= 1;
    const what = random.integer(0, 5);
    if (what === 0) world.broker.dropConnections();
    else if (what === 1) world.broker.restart(random.integer(0, 20_000));
    else if (what === 2) {
      world.broker.setBlocked(true);
      world.clock.timer(random.integer(1000, 30_000), () => world.broker.setBlocked(false));
    } else if (what === 3) {
      world.loseRoute(random.pick(['work', 'wait', 'dead', 'retry.10000']), random.integer(1000, random.chance(0.1) ? 3_600_000 : 60_000));
    } else if (what === 4) world.holdUpWrite(random.integer(1000, 60_000));
    else {
      world.storeDown = true;
      world.clock.timer(random.integer(1000, 40_000), () => {
        world.storeDown = false;
      });
    }
    haunt(random, world, trouble);
  });
}
