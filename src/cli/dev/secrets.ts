import type { Secrets } from '../../api/configuration.ts';
import { RefusedInput } from '../exit.ts';
import { type Loaded, located, secretRefsOf } from '../load.ts';

/** What stands in for Secrets that the files do not hold. */
export interface SecretOptions {
  /** No model is called: no key is needed. */
  readonly offline: boolean;
  /** Nothing is sent: no header of an output is needed, and a marked stand-in is shown in its place. */
  readonly captureOutputs: boolean;
  /** `ANTHROPIC_API_KEY`, where it is set: the key of agents whose Secret is in no file. */
  readonly apiKey: string | undefined;
}

/** What an output's header holds where nothing is sent and no Secret was given. */
const NOT_GIVEN = '(not given)';

/**
 * The Secrets of the given files, of one namespace. Throws `RefusedInput` naming every reference that nothing answers,
 * so that a session does not start only to answer 503.
 */
export function devSecrets(
  loaded: Loaded,
  namespace: string,
  options: SecretOptions,
): { readonly secrets: Secrets; readonly keysFromEnvironment: number } {
  const values = new Map<string, string>(
    loaded.secrets
      .filter((secret) => secret.namespace === namespace)
      .flatMap(({ name, values }) => [...values].map(([key, value]) => [`${name}/${key}`, value] as const)),
  );
  const missing: string[] = [];
  let keysFromEnvironment = 0;
  for (const { agent, placeOf } of loaded.agents) {
    for (const { path, ref, use } of secretRefsOf(agent)) {
      const id = `${ref.name}/${ref.key}`;
      if ((values.get(id) ?? '').trim() !== '') continue;
      if (use === 'model' && options.apiKey !== undefined) {
        values.set(id, options.apiKey);
        keysFromEnvironment += 1;
      } else if (use === 'output' && options.captureOutputs) values.set(id, NOT_GIVEN);
      else if (use !== 'model' || !options.offline) {
        const remedy = use === 'model' ? ', set ANTHROPIC_API_KEY, or use --offline' : use === 'output' ? ', or use --capture-outputs' : '';
        const namesakes = loaded.secrets.filter(({ name }) => name === ref.name);
        const elsewhere = namesakes.every((secret) => secret.namespace !== namespace) ? namesakes[0] : undefined;
        const message = values.has(id)
          ? `key ${ref.key} of Secret ${ref.name} is empty: give it a value${remedy}`
          : elsewhere === undefined
            ? `key ${ref.key} of Secret ${ref.name} is in none of the given files: add a Secret document with it${remedy}`
            : `Secret ${ref.name} is in namespace ${elsewhere.namespace} (${elsewhere.file}:${elsewhere.line}), and the agent in namespace ${namespace}: put both in one${remedy}`;
        missing.push(located(placeOf, { path, message }));
      }
    }
  }
  if (missing.length > 0) throw new RefusedInput(missing);
  return { secrets: ({ name, key }) => values.get(`${name}/${key}`), keysFromEnvironment };
}
