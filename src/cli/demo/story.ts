import { readFileSync } from 'node:fs';
import { type AgentRef, agentId, brokerNames } from '../../api/names.ts';
import { deliver, type Webhook } from './delivery.ts';
import { DemoFailed, type DevChild, type LogLine } from './dev-child.ts';
import type { Page } from './page.ts';
import { tellCaptured, tellDead, tellDone } from './tell.ts';

/** What the story needs. */
export interface Stage {
  readonly dev: DevChild;
  readonly page: Page;
  readonly agent: AgentRef;
  readonly webhook: Webhook;
  /** A file with GitHub's recorded payload. */
  readonly delivery: string;
}

/** Everything but the model is local, and done within milliseconds. */
const LOCAL_MS = 10_000;
/** A model may think. */
const RUN_MS = 120_000;

/** The id of GitHub's own example: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
const DELIVERY_ID = '72d3162e-cc78-11e3-81ab-4c9367dc0958';
const BROKEN_ID = '72d3162e-cc78-11e3-81ab-4c9367dc0959';

/** Three deliveries: one that is reviewed, the same once more, and one that cannot work. Rejects with `DemoFailed` as soon as something goes otherwise. */
export async function tellStory(stage: Stage): Promise<void> {
  const body = readFileSync(stage.delivery);
  await tellReview(stage, body);
  await tellDuplicate(stage, body);
  await tellBroken(stage, body);
}

async function tellReview(stage: Stage, body: Buffer): Promise<void> {
  const { dev, page, agent, webhook } = stage;
  page.heading('1  GitHub says that a pull request was opened');
  page.line(`POST ${webhook.url}, a recorded delivery, signed with the sample's secret`);
  const { id, tookMs } = await deliver(webhook, DELIVERY_ID, body);
  page.good(`202 accepted in ${tookMs} ms, event ${id}`);
  const of = (msg: string) => (line: LogLine) => line.msg === msg && line.agent === agentId(agent) && (line.eventId ?? id) === id;
  await dev.line('the run to start', of('run started'), LOCAL_MS);
  page.good(`run started by ${agentId(agent)}`);
  tellDone(page, await dev.line('the run to finish', of('run finished'), RUN_MS));
  const captured = await dev.line('the output', of('output captured'), LOCAL_MS);
  page.line('the review:');
  page.quote(reviewIn(captured));
  tellCaptured(page, captured);
}

async function tellDuplicate({ dev, page, webhook }: Stage, body: Buffer): Promise<void> {
  page.heading('2  GitHub sends the same delivery again');
  const { id } = await deliver(webhook, DELIVERY_ID, body);
  page.good(`202 accepted, the same event ${id}`);
  await dev.line(
    'the second delivery to be recognised as a duplicate',
    ({ eventId, outcome }) => eventId === id && outcome === 'duplicate',
    LOCAL_MS,
  );
  page.good('duplicate: it has run once already, so no model was asked and nothing is sent again');
}

async function tellBroken({ dev, page, agent, webhook }: Stage, body: Buffer): Promise<void> {
  page.heading('3  A delivery that cannot work: its pull request has no title, which the prompt asks for');
  const { id } = await deliver(webhook, BROKEN_ID, withoutTitle(body));
  page.good(`202 accepted, event ${id}`);
  const run = await dev.line('the event to be given up', ({ msg, eventId }) => msg === 'run finished' && eventId === id, LOCAL_MS);
  tellDead(page, run, brokerNames(agent).dead);
}

function withoutTitle(body: Buffer): Buffer {
  const payload = JSON.parse(body.toString('utf8')) as { readonly pull_request: { readonly title?: string } };
  const { title: _, ...rest } = payload.pull_request;
  return Buffer.from(JSON.stringify({ ...payload, pull_request: rest }));
}

/** The model's text, which the sample sends as the body of a comment. */
function reviewIn(captured: LogLine): string {
  const comment = JSON.parse(String(captured.body)) as { readonly body?: unknown };
  if (typeof comment.body !== 'string')
    throw new DemoFailed('WentWrong', 'the captured output is no comment: it has no text in its field body');
  return comment.body;
}
