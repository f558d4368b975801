import { type Mutation, tries } from './mutation.ts';

const github = 'spec.triggers.0.webhook';
const http = 'spec.outputs.0.http';

/** Faults of names, types, lengths and ranges, and the values at their edges. */
export const structureMutations: readonly Mutation[] = [
  { says: 'nothing is changed', set: {} },
  {
    says: 'everything with a default is left out',
    set: {
      'spec.triggers': undefined,
      'spec.outputs': undefined,
      'spec.delivery': undefined,
      'spec.idempotency': undefined,
      'spec.suspend': undefined,
    },
  },
  {
    says: 'only what is required is there',
    set: { spec: { agent: { model: 'm', apiKeySecretRef: { name: 'a', key: 'b' }, prompt: 'p' } } },
  },
  {
    says: 'null stands for absent and for the default',
    set: { 'spec.delivery.maxAttempts': null, 'spec.idempotency': null, 'spec.filter': null, [`${http}.method`]: null },
  },
  ...tries('the name', 'metadata.name', 'a', 'a'.repeat(40), 'a'.repeat(41), 'two.words', 'Upper', '-dash', 'a'.repeat(254)),
  ...tries('an unknown field', 'spec.agnet', {}, 'x', [{ a: 1 }]),
  ...tries('an unknown field in a list', `${github}.verificaton`, {}, 'x', 1),
  ...tries('an unknown field at the root', 'status', {}, { a: 1 }, 'x'),
  ...tries('a missing part', 'spec', undefined, null, {}),
  ...tries('a missing agent', 'spec.agent', undefined, null, {}),
  ...tries('a wrong type of spec', 'spec', 'x', 1, []),
  ...tries('a wrong type of triggers', 'spec.triggers', {}, 'x', true, ['x'], [null], [[]], [[{ a: 1 }]]),
  ...tries('a wrong type of a string', 'spec.agent.model', 1, true, 1.5, [], {}),
  ...tries('a wrong type of a number', 'spec.agent.maxTokens', '5', true, 1.5, 1_234_567.5, 0.000_01, [], {}),
  ...tries('a wrong type of a flag', 'spec.suspend', 'true', 0, [], {}),
  ...tries('a wrong type in a list of numbers', 'spec.delivery.retryDelaysSeconds', ['1'], [null], [1.5, true], {}),
  ...tries('a number at its edge', 'spec.delivery.maxAttempts', 1, 10, 0, 11, -3_000_000_000, 9_000_000_000),
  ...tries('tokens at their edge', 'spec.agent.maxTokens', 0, 1, 128_000, 128_001),
  ...tries('a time to live at its edge', 'spec.delivery.eventTtlSeconds', 59, 60, 604_800, 604_801),
  ...tries('a run timeout at its edge', 'spec.delivery.runTimeoutSeconds', 9, 10, 21_600, 21_601),
  ...tries('concurrency at its edge', 'spec.delivery.concurrency', 0, 1, 64, 65),
  ...tries(
    'a retention at its edge',
    'spec.idempotency.retentionSeconds',
    86_399,
    86_400,
    2_592_000,
    2_592_001,
    2_592_000.5,
    1e300,
    2 ** 62,
  ),
  ...tries('a body size at its edge', `${github}.maxBodyBytes`, 0, 1, 8_388_608, 8_388_609, 2 ** 63, -1e-7),
  ...tries('an output timeout at its edge', `${http}.timeoutSeconds`, 0, 1, 120, 121),
  ...tries(
    'retry delays at their edge',
    'spec.delivery.retryDelaysSeconds',
    [],
    [0],
    [1],
    [86_400],
    [86_401],
    [1, 2, 3, 4, 5, 6, 7, 8],
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  ),
  ...tries('an empty string', 'spec.agent.prompt', '', ' '),
  ...tries('a model at its edge', 'spec.agent.model', '', 'm'.repeat(128), 'm'.repeat(129), 'é'.repeat(128), '🙂'.repeat(128)),
  ...tries('a filter at its edge', 'spec.filter', '', 'f'.repeat(4096), 'f'.repeat(4097)),
  ...tries('a key at its edge', 'spec.idempotency.key', '', 'f'.repeat(1024), 'f'.repeat(1025)),
  ...tries('a system prompt at its edge', 'spec.agent.system', '', 's'.repeat(32_768), 's'.repeat(32_769)),
  {
    says: 'several faults of a structure, among them a rule',
    set: {
      'spec.delivery.maxAttempts': 99,
      'spec.agent.model': '',
      'spec.triggers.3.queue.exchange.name': 'ea.x',
      'spec.outputs.1.name': 'sink',
    },
  },
  {
    says: 'a fault after which rules are not checked',
    set: { 'spec.agent.prompt': undefined, 'spec.triggers.3.queue.exchange.name': 'ea.x' },
  },
  { says: 'text that Go quotes in its own way', set: { 'spec.agent.apiKeySecretRef.key': 'a"\\\n\t\u0001\u007f\u200b\u00e9\u{1f642} ' } },
];
