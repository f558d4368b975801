import { Context, type FilterImplOptions, Liquid } from 'liquidjs';
import { InputError } from '../lib/errors.ts';

/** How the values of a template become text: as they are (objects as JSON), or percent-encoded for one path segment or query value. */
export type Insertion = 'plain' | 'encoded';

/** Templates come from one place, the manifest: there is nothing to include. */
const FILE_TAGS = ['include', 'render', 'layout', 'block'] as const;

/** These read a string as an expression, which could be a value of the event. */
const EXPRESSION_FILTERS = ['where_exp', 'reject_exp', 'group_by_exp', 'find_exp', 'find_index_exp', 'has_exp'] as const;

/** These would insert text past the encoding, or a value that was encoded already. */
const UNENCODED_TAGS = ['capture', 'cycle', 'increment', 'decrement', 'tablerow'] as const;
const UNENCODED_FILTERS = ['raw', 'url_encode', 'cgi_escape', 'uri_escape'] as const;

/** These write a value as JSON, which turns a number that it cannot hold into null. */
const JSON_FILTERS = ['json', 'jsonify', 'inspect'] as const;

/**
 * An engine with nothing but what a template may use. Limits: a template's field holds at most 65,536 characters; a render that takes two seconds or makes 32 MiB of
 * new text (a body may have 8) is a loop over a hostile event, for the author's own templates are small. Dates are in UTC and English wherever the process runs.
 */
function engineFor(insertion: Insertion): Liquid {
  const engine = new Liquid({
    strictVariables: true,
    strictFilters: true,
    lenientIf: true,
    ownPropertyOnly: true,
    templates: {},
    parseLimit: 100_000,
    renderLimit: 2_000,
    memoryLimit: 33_554_432,
    timezoneOffset: 0,
    locale: 'en-US',
    outputEscape: insertion === 'encoded' ? encoded : plain,
  });
  for (const tag of insertion === 'encoded' ? [...FILE_TAGS, ...UNENCODED_TAGS] : FILE_TAGS) delete engine.tags[tag];
  for (const filter of insertion === 'encoded' ? [...EXPRESSION_FILTERS, ...UNENCODED_FILTERS] : EXPRESSION_FILTERS)
    delete engine.filters[filter];
  for (const name of JSON_FILTERS) engine.registerFilter(name, ofFiniteNumbers(engine.filters[name]));
  return engine;
}

/** The engines by how they insert values. They keep no state between templates. */
export const engines: Readonly<Record<Insertion, Liquid>> = { plain: engineFor('plain'), encoded: engineFor('encoded') };

/** What a template reads its variables from. Unlike liquidjs' own, it has no fields below null: they are undefined, as anything else that an event does not have. */
class StrictContext extends Context {
  override readProperty(object: Parameters<Context['readProperty']>[0], key: Parameters<Context['readProperty']>[1]): unknown {
    return object === null ? undefined : super.readProperty(object, key);
  }
}

/** The variables of one render, with limits of their own. */
export function contextFor(engine: Liquid, scope: Readonly<Record<string, unknown>>): Context {
  return new StrictContext(scope, engine.options, { sync: true }, { liquid: engine });
}

/** A filter that takes no number which JSON cannot hold. */
function ofFiniteNumbers(filter: FilterImplOptions | undefined): FilterImplOptions {
  if (typeof filter !== 'function') throw new Error('liquidjs has changed inside: use the version that package-lock.json names');
  return function (value: unknown, ...rest: unknown[]) {
    assertFinite(value);
    return filter.call(this, value, ...rest);
  };
}

/** JSON has no infinite numbers, and yet 1e999 is read as one; arithmetic makes them, too, and what is no number at all. */
function assertFinite(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new InputError('BadTemplate', 'a number that is infinite, or none at all, cannot be inserted: have it sent as a string');
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) assertFinite(inner);
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return '';
  assertFinite(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function encoded(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object')
    throw new InputError('BadTemplate', 'an object or a list cannot be part of a URL: insert one of its fields');
  assertFinite(value);
  return encodeURIComponent(String(value).toWellFormed());
}
