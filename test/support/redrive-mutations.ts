import { type Mutation, tries } from './mutation.ts';

/** Faults of a DeadLetterRedrive, each rule at least three times, with neighbours that are no fault. */
export const redriveMutations: readonly Mutation[] = [
  { says: 'nothing is changed', set: {} },
  { says: 'everything with a default is left out', set: { spec: { agentRef: { name: 'a' } } } },
  {
    says: 'null stands for absent and for the default',
    set: {
      'spec.filter': null,
      'spec.dryRun': null,
      'spec.limit': null,
      'spec.eventsPerMinute': null,
      'spec.ttlSecondsAfterFinished': null,
    },
  },
  ...tries('the name', 'metadata.name', 'a', 'a'.repeat(63), 'a'.repeat(64), 'two.words', 'a.b.c', 'Upper', 'a'.repeat(254)),
  ...tries('a missing part', 'spec', undefined, null, {}, { dryRun: true }, { agentRef: { name: 'a' } }),
  ...tries('a wrong type of spec', 'spec', 'x', 1, []),
  ...tries('an unknown field', 'spec.rate', '10/s', {}),
  ...tries('an unknown field of the filter', 'spec.filter.id', 'x', {}),
  ...tries('an agent', 'spec.agentRef', {}, { name: 'A' }, { name: 'a.b' }, { name: 'a'.repeat(40) }, { name: 'a'.repeat(41) }, null, 'a'),
  ...tries('a filter', 'spec.filter', {}, { reason: 'PutByHand' }, [], 'x'),
  ...tries('a reason', 'spec.filter.reason', 'CrashLoop', 'GivenUpByBroker', 'Nonsense', '', 'crashloop', 1, null),
  ...tries('a fingerprint', 'spec.filter.fingerprint', '0123456789ab', '0123456789AB', '0123456789a', '0123456789abc', '', 12, null),
  ...tries('a type', 'spec.filter.type', 'a', '', 'x'.repeat(256), 'x'.repeat(257), 'ein typ é', null),
  ...tries('an age', 'spec.filter.olderThanSeconds', 0, 1, 31_536_000, 31_536_001, 1.5, '60', null),
  ...tries('a youth', 'spec.filter.newerThanSeconds', 0, 1, 31_536_000, 31_536_001, -1, {}),
  ...tries('a flag', 'spec.dryRun', 'true', 'yes', 0, []),
  ...tries('a limit', 'spec.limit', 0, 1, 10_000_000, 10_000_001, 1.5),
  ...tries('a pace', 'spec.eventsPerMinute', 0, 1, 60_000, 60_001, '600'),
  ...tries('a rate of failures', 'spec.stopAtFailurePercent', 0, 1, 100, 101, 3_000_000_000, '50%'),
  ...tries('a wait', 'spec.outcomeTimeoutSeconds', 9, 10, 86_400, 86_401, true),
  ...tries('a time to live', 'spec.ttlSecondsAfterFinished', -1, 0, 31_536_000, 31_536_001, '1h'),
  { says: 'several faults', set: { 'spec.limit': 0, 'spec.filter.reason': 'Nonsense', 'metadata.name': 'a.b' } },
];
