import { pathOf, type Resource } from '../../src/kube/resources.ts';
import { createTransport } from '../../src/kube/transport.ts';
import { isJsonObject, type JsonObject } from '../../src/lib/json-object.ts';
import type { Cluster } from '../parts/kubernetes.ts';
import { accessTo } from './kube-connection.ts';
import { type ObjectVerdict, sortedLines } from './verdict-corpus.ts';

/** What an API server says of an object. */
export interface ServerVerdict extends ObjectVerdict {
  /** What it says beyond that, which no field has: `eventagent validate` leaves it out. */
  readonly asides: readonly string[];
}

/** Asks an API server; nothing that it is asked about is kept. */
export interface ApiJudge extends AsyncDisposable {
  /** What it says where the object is created as `kubectl` does. */
  verdict(resource: Resource, object: JsonObject): Promise<ServerVerdict>;
  /** Status code and body of its answer to a creation in a namespace. */
  create(resource: Resource, object: JsonObject, options?: CreateOptions): Promise<readonly [status: number, body: JsonObject]>;
}

interface CreateOptions {
  readonly namespace?: string;
  /** How fields are treated that are not there; default `Strict`, as kubectl sends it. `Ignore` drops them. */
  readonly fieldValidation?: 'Strict' | 'Ignore';
}

/** As many questions at a time are quickest, and leave the server air for others. */
const WIDTH = 8;

/** Makes a judge of a cluster that has the CustomResourceDefinitions. */
export async function apiJudge(cluster: Cluster): Promise<ApiJudge> {
  const transport = createTransport(await accessTo(cluster), { http2: true });
  const signal = AbortSignal.timeout(240_000);

  const create: ApiJudge['create'] = async (resource, object, { namespace = 'default', fieldValidation = 'Strict' } = {}) => {
    const { statusCode, body } = await transport.send(
      {
        method: 'POST',
        path: `${pathOf(resource, namespace)}?dryRun=All&fieldValidation=${fieldValidation}`,
        contentType: 'application/json',
        body: JSON.stringify(object),
      },
      signal,
    );
    return [statusCode, (await body.json()) as JsonObject];
  };

  return {
    create,
    async verdict(resource, object) {
      const [status, body] = await create(resource, object);
      const unknown = unknownFieldsIn(body);
      if (unknown.length === 0) return read(status, body);
      // Fields that are not there end the matter before anything else is looked at.
      const rest = read(...(await create(resource, object, { fieldValidation: 'Ignore' })));
      return { ...rest, findings: sortedLines([...unknown.map((field) => `${field}: unknown field`), ...rest.findings]), spec: undefined };
    },
    [Symbol.asyncDispose]: () => transport.close(),
  };
}

/** Their names stand between quotes as they are, whatever is in them. */
function unknownFieldsIn({ message }: JsonObject): readonly string[] {
  const [, errors = ''] = /: strict decoding error: (.*)$/s.exec(typeof message === 'string' ? message : '') ?? [];
  return [...errors.matchAll(/unknown field "(.*?)"(?=, unknown field "|$)/gs)].map(([, field = '']) => field);
}

interface Cause {
  readonly field: string;
  readonly message: string;
}

function read(status: number, body: JsonObject): ServerVerdict {
  if (status === 201) return { findings: [], spec: body.spec, asides: [] };
  const { details } = body;
  if (status !== 422 || !isJsonObject(details)) throw new Error(`answered with ${status}: ${JSON.stringify(body).slice(0, 2000)}`);
  const causes = details.causes as readonly Cause[];
  const lines = (wanted: boolean) =>
    sortedLines(causes.filter((cause) => isAside(cause) !== wanted).map(({ field, message }) => `${field}: ${message}`));
  return { findings: lines(true), asides: lines(false), spec: undefined };
}

/**
 * At `<nil>` stand the remark that rules were not checked, and what a second validator says of a number that does not fit into its format;
 * the scale subresource writes its own path, `.spec.replicas`. What is wrong there is said of its field as well.
 */
function isAside({ field }: Cause): boolean {
  return field === '<nil>' || field.startsWith('.');
}

/** The answers to many questions, some at a time, in their order. */
export async function askAll<Question, Answer>(
  questions: readonly Question[],
  ask: (question: Question) => Promise<Answer>,
): Promise<readonly (readonly [Question, Answer])[]> {
  const answers: (readonly [Question, Answer])[] = [];
  const waiting = questions.entries();
  const work = async () => {
    for (const [index, question] of waiting) answers[index] = [question, await ask(question)];
  };
  await Promise.all(Array.from({ length: WIDTH }, work));
  return answers;
}
