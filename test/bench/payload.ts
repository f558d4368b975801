import { githubExamples } from '../support/github-delivery.ts';

/** The recorded `pull_request` delivery of github.com that the benchmarks send: one that was opened, as it came. */
export function recordedPullRequest(): Buffer {
  const example = githubExamples(['api.github.com']).find(({ event, payload }) => event === 'pull_request' && payload.action === 'opened');
  if (example === undefined) throw new Error('@octokit/webhooks-examples has no opened pull request any more');
  return Buffer.from(JSON.stringify(example.payload));
}
