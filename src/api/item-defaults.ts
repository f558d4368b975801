/**
 * Defaults of fields inside lists, by field path. The API server must not know them: it would write them into the stored object, where GitOps tools report them
 * as drift. `compile` fills them in; the field's description in the CRD names each.
 */
export const itemDefaults = {
  'spec.triggers[].webhook.verification.header': 'X-Signature-256',
  'spec.triggers[].webhook.maxBodyBytes': 1_048_576,
  'spec.triggers[].webhook.fanOut': false,
  'spec.outputs[].http.method': 'POST',
  'spec.outputs[].http.contentType': 'application/json',
  'spec.outputs[].http.timeoutSeconds': 30,
  'spec.outputs[].http.onUnknownResult': 'Retry',
} as const;

/** The path of a webhook trigger that names none. */
export function defaultWebhookPath(agent: string, trigger: string): string {
  return `/${agent}/${trigger}`;
}
