/** A valid AgentSchedule that uses every field but `every`, which is given instead of `schedule`. */
export function fullSchedule(): Record<string, unknown> {
  return {
    apiVersion: 'eventagent.dev/v1alpha1',
    kind: 'AgentSchedule',
    metadata: { name: 'full', namespace: 'default' },
    spec: {
      schedule: '0 7 * * 1-5',
      timeZone: 'Europe/Berlin',
      agentRef: { name: 'briefing-writer' },
      input: { audience: 'the team', topics: ['releases', { name: 'quotas', months: 1, exact: 0.5, due: null }], none: null },
      deadLetterReview: { agents: ['triage', 'pr-reviewer'] },
      startingDeadlineSeconds: 600,
      activeDeadlineSeconds: 1800,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 5,
      suspend: true,
    },
  };
}
