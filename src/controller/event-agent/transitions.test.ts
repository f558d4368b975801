import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventAgentStatus } from '../../api/generated/event-agent.ts';
import type { EventReport } from '../../kube/events.ts';
import type { StoredEventAgent } from './resource.ts';
import { announce } from './transitions.ts';

/** `Type=Status/Reason` as a status. */
const statusOf = (text: string | undefined): EventAgentStatus | undefined => {
  if (text === undefined) return undefined;
  const [, type, status, reason] = /^(\w+)=(\w+)\/(\w+)$/.exec(text) ?? [];
  return {
    conditions: [{ type, status, reason, message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 1 }],
  } as EventAgentStatus;
};

const cases: readonly [what: string, before: string | undefined, now: string, told: string | undefined][] = [
  ['an agent on its way for the first time', undefined, 'Ready=False/Declaring', 'Normal Declaring'],
  ['a roll-out', 'Ready=True/Ready', 'Ready=False/RollingOut', 'Normal RollingOut'],
  ['an agent that has arrived', 'Ready=False/RollingOut', 'Ready=True/Ready', 'Normal Ready'],
  ['trouble', 'Ready=False/RollingOut', 'Ready=False/CrashLooping', 'Warning CrashLooping'],
  ['nothing new', 'Ready=False/CrashLooping', 'Ready=False/CrashLooping', undefined],
  ['the first dead letter', 'DeadLettersPresent=False/None', 'DeadLettersPresent=True/Present', 'Warning Present'],
  ['the last one taken', 'DeadLettersPresent=True/Present', 'DeadLettersPresent=False/None', 'Normal None'],
  ['dead letters that are not known', 'DeadLettersPresent=True/Present', 'DeadLettersPresent=Unknown/DepthUnknown', undefined],
  ['none, as before they were unknown', 'DeadLettersPresent=Unknown/DepthUnknown', 'DeadLettersPresent=False/None', undefined],
  [
    'some, found when they are known again',
    'DeadLettersPresent=Unknown/DepthUnknown',
    'DeadLettersPresent=True/Present',
    'Warning Present',
  ],
  ['a provider that is away', 'ModelAvailable=True/ModelAnswers', 'ModelAvailable=False/Overloaded', 'Warning Overloaded'],
  ['another trouble with it', 'ModelAvailable=False/Overloaded', 'ModelAvailable=False/Unauthorized', 'Warning Unauthorized'],
  ['a provider that is back', 'ModelAvailable=False/Overloaded', 'ModelAvailable=True/ModelAnswers', 'Normal ModelAnswers'],
  ['a provider that answers from the start', undefined, 'ModelAvailable=True/ModelAnswers', undefined],
  ['one of which nobody knows', 'ModelAvailable=True/ModelAnswers', 'ModelAvailable=Unknown/NotObserved', undefined],
  ['a spent budget', 'BudgetExceeded=False/WithinBudget', 'BudgetExceeded=True/BudgetSpent', 'Warning BudgetSpent'],
  ['a new day', 'BudgetExceeded=True/BudgetSpent', 'BudgetExceeded=False/WithinBudget', 'Normal WithinBudget'],
  ['no budget', undefined, 'BudgetExceeded=False/NoBudget', undefined],
  ['none from the start', undefined, 'DeadLettersPresent=False/None', undefined],
  ['an event type that reaches many agents', 'WideFanOut=False/FewAgents', 'WideFanOut=True/ManyAgents', 'Warning ManyAgents'],
  ['few again', 'WideFanOut=True/ManyAgents', 'WideFanOut=False/FewAgents', 'Normal FewAgents'],
  ['few from the start', undefined, 'WideFanOut=False/FewAgents', undefined],
];

for (const [what, before, now, told] of cases) {
  test(`${what}: ${told ?? 'no event'}`, () => {
    const reports: EventReport[] = [];
    announce(
      { events: { record: (_, report) => void reports.push(report) } } as Parameters<typeof announce>[0],
      {} as StoredEventAgent,
      statusOf(before),
      statusOf(now) as EventAgentStatus,
    );
    assert.deepEqual(
      reports.map(({ type, reason }) => `${type} ${reason}`),
      told === undefined ? [] : [told],
    );
  });
}
