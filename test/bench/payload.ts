import { githubExamples } from '../support/github-delivery.ts';

/** A recorded delivery of github.com as it came: the first that tells of an opening. */
export function recordedOpening(name: 'issues' | 'pull_request'): Buffer {
  const example = githubExamples(['api.github.com']).find(({ event, payload }) => event === name && payload.action === 'opened');
  if (example === undefined) throw new Error(`@octokit/webhooks-examples has no opened ${name} any more`);
  return Buffer.from(JSON.stringify(example.payload));
}
