import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import { withMaps } from '../expr/cel-maps.ts';
import { isJsonObject } from '../lib/json-object.ts';
import { type FieldError, type FieldPath, invalid, pathText } from './field-error.ts';
import type { Rule, Schema } from './schema.ts';

const environment = new Environment({ unlistedVariablesAreDyn: false }).registerVariable('self', 'dyn');

/** The rules of this package's own schemas; each is parsed once. */
const parsed = new Map<string, ParseResult>();

/** What the rules of a schema (`x-kubernetes-validations`) say against a value that has its structure, at every level. */
export function ruleErrors(value: unknown, schema: Schema, at: FieldPath = [], text: string = pathText(at)): readonly FieldError[] {
  if (value === null) return [];
  const errors = (schema['x-kubernetes-validations'] ?? []).flatMap((rule) =>
    isOfChanges(rule) || holds(rule, value) ? [] : [ruleError(rule, value, at, text)],
  );
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return errors;
    return [...errors, ...value.flatMap((item, index) => ruleErrors(item, items, [...at, index], `${text}[${index}]`))];
  }
  if (!isJsonObject(value)) return errors;
  const { properties = {}, additionalProperties } = schema;
  const inner = Object.entries(value).flatMap(([key, child]) => {
    if (Object.hasOwn(properties, key)) {
      const property = properties[key];
      return property === undefined ? [] : ruleErrors(child, property, [...at, key], text === '' ? key : `${text}.${key}`);
    }
    return additionalProperties === undefined ? [] : ruleErrors(child, additionalProperties, [...at, key], `${text}[${key}]`);
  });
  return [...errors, ...inner];
}

/** Whether a rule compares a resource with what it was before: then it says nothing of one that is only being made. */
function isOfChanges({ rule }: Rule): boolean {
  return /\boldSelf\b/.test(rule);
}

function holds({ rule }: Rule, self: unknown): boolean {
  const evaluate = parsed.get(rule) ?? environment.parse(rule);
  parsed.set(rule, evaluate);
  return evaluate({ self: withMaps(self) }) === true;
}

/** Objects and lists are not quoted, a rule's message stands alone. */
function ruleError({ message, fieldPath }: Rule, value: unknown, at: FieldPath, text: string): FieldError {
  const steps = fieldPath === undefined ? [] : fieldPath.slice(1).split('.');
  const path = steps.reduce((sofar, step) => (sofar === '' ? step : `${sofar}.${step}`), text);
  const error = invalid([...at, ...steps], value, message);
  return { ...error, path, message: typeof value === 'object' ? `Invalid value: ${message}` : error.message };
}
