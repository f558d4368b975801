import type { AgentSchedule } from '../../src/api/generated/agent-schedule.ts';
import { scheduleVerdictOn } from '../../src/manifest/crd-verdict.ts';
import { readAgentScheduleSchema } from '../../src/manifest/schema.ts';

const schema = readAgentScheduleSchema();

/** What a test's schedule deviates in from a plain one. */
export interface ScheduleFixture {
  readonly name?: string;
  readonly namespace?: string;
  readonly agent?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** An AgentSchedule as the API server would give it back: checked, and with the CRD's own defaults; each day at seven where `spec` says nothing else. */
export function agentSchedule({ name = 'briefing', namespace = 'test', agent = 'agent', spec = {} }: ScheduleFixture = {}): AgentSchedule {
  const time = 'schedule' in spec || 'every' in spec ? {} : { schedule: '0 7 * * *' };
  const value = {
    apiVersion: 'eventagent.dev/v1alpha1',
    kind: 'AgentSchedule',
    metadata: { name, namespace },
    spec: { agentRef: { name: agent }, ...time, ...spec },
  };
  const verdict = scheduleVerdictOn({ value, lineOf: () => 1 }, schema);
  if (!verdict.valid) throw new Error(`the fixture is not a valid AgentSchedule: ${JSON.stringify(verdict.findings)}`);
  return verdict.schedule;
}
