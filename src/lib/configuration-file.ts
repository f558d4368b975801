import { readFileSync } from 'node:fs';
import { InputError, messageOf } from './errors.ts';

/** Reads a configuration file once. Throws `InputError` that names the file: `FileUnreadable`, or what `parse` throws. */
export function readConfigurationFile<Configuration>(path: string, parse: (text: string) => Configuration): Configuration {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new InputError('FileUnreadable', `the configuration file cannot be read: ${messageOf(cause)}`, { cause });
  }
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const at = error.path === undefined ? {} : { path: error.path };
    throw new InputError(error.code, `${path}: ${error.message}`, { ...at, cause: error });
  }
}
