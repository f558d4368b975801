/** A valid DeadLetterRedrive that uses every field. */
export function fullRedrive(): Record<string, unknown> {
  return {
    apiVersion: 'eventagent.dev/v1alpha1',
    kind: 'DeadLetterRedrive',
    metadata: { name: 'full', namespace: 'default' },
    spec: {
      agentRef: { name: 'triage' },
      filter: {
        reason: 'OutputRejected',
        fingerprint: '6f2a90c11d04',
        type: 'github.pull_request',
        olderThanSeconds: 60,
        newerThanSeconds: 86_400,
      },
      dryRun: true,
      limit: 100,
      eventsPerMinute: 60,
      stopAtFailurePercent: 25,
      outcomeTimeoutSeconds: 900,
      ttlSecondsAfterFinished: 604_800,
    },
  };
}
