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
      if (values.has(id) && values.get(id) !== '') continue;
      if (use === 'model' && options.apiKey !== undefined) {
        values.set(id, options.apiKey);
        keysFromEnvironment += 1;
      } else if (use === 'output' && options.captureOutputs) values.set(id, NOT_GIVEN);
      else if (use !== 'model' || !options.offline) {
        const remedy = use === 'model' ? ', set ANTHROPIC_API_KEY, or use --offline' : use === 'output' ? ', or use --capture-outputs' : '';
        const message = values.has(id)
          ? `key ${ref.key} of Secret ${ref.name} is empty: give it a value${remedy}`
          : `key ${ref.key} of Secret ${ref.name} is in none of the given files: add a Secret document with it${remedy}`;
        missing.push(located(placeOf, { path, message }));
      }
    }
  }
  if (missing.length > 0) throw new RefusedInput(missing);
  return { secrets: ({ name, key }) => values.get(`${name}/${key}`), keysFromEnvironment };
}
