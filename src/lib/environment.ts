import { InputError } from './errors.ts';

/** One environment variable of a process. */
export interface Variable<Value> {
  /** What the reference page says. */
  readonly help: string;
  /** What stands in where it is not set or empty; without it the variable must be given. */
  readonly default?: string;
  /** What a value must be, for people. */
  readonly form: string;
  /** The value that a text stands for; `undefined` where it stands for none. */
  readonly parse: (text: string) => Value | undefined;
}

/** The environment variables of a process, by name: the one home of their names, defaults and forms. */
export type Variables = Readonly<Record<string, Variable<unknown>>>;

/** The values of a table of variables. */
export type ValuesOf<Table extends Variables> = {
  readonly [Name in keyof Table]: Table[Name] extends Variable<infer Value> ? Value : never;
};

/** Reads every variable of a table once. Throws `InputError` (`Usage`) naming the first that is missing or wrong. An empty one counts as not set. */
export function readEnvironment<Table extends Variables>(table: Table, environment: NodeJS.ProcessEnv): ValuesOf<Table> {
  const entries = Object.entries(table).map(([name, { default: standIn, form, parse }]) => {
    const text = environment[name] || standIn;
    if (text === undefined) throw new InputError('Usage', `the environment variable ${name} is not set: it must be ${form}`);
    const value = parse(text);
    if (value === undefined)
      throw new InputError('Usage', `the environment variable ${name} is ${JSON.stringify(text)}: it must be ${form}`);
    return [name, value] as const;
  });
  return Object.fromEntries(entries) as ValuesOf<Table>;
}

/** A variable that is a path of a file or folder. */
export function pathVariable(help: string): Variable<string> {
  return { help, form: 'an absolute path', parse: (text) => (text.startsWith('/') ? text : undefined) };
}

/** A variable that is any text. */
export function textVariable(help: string, form: string): Variable<string> {
  return { help, form, parse: (text) => text };
}

/** A variable that is a port to listen on. */
export function portVariable(help: string, standIn: number): Variable<number> {
  return { help, default: String(standIn), form: 'a port from 0 to 65535 (0 takes a free one)', parse: wholeNumber(65_535) };
}

/** A variable that is a time in whole seconds. */
export function secondsVariable(help: string, standIn: number, most: number): Variable<number> {
  return { help, default: String(standIn), form: `a whole number of seconds from 0 to ${most}`, parse: wholeNumber(most) };
}

/** A variable that is one of a few words. */
export function wordVariable<Word extends string>(help: string, words: readonly [Word, ...Word[]], standIn: NoInfer<Word>): Variable<Word> {
  return { help, default: standIn, form: words.join(' or '), parse: (text) => words.find((word) => word === text) };
}

function wholeNumber(most: number): (text: string) => number | undefined {
  return (text) => (/^\d{1,9}$/.test(text) && Number(text) <= most ? Number(text) : undefined);
}
