import type { Clock } from './clock.ts';
import { textVariable, type ValuesOf, type Variables } from './environment.ts';
import { InputError } from './errors.ts';
import { isHeaderValue } from './header-value.ts';
import type { Log } from './log.ts';
import { OtlpTracer } from './otlp-tracer.ts';
import { noTracer, type Tracer } from './tracing.ts';
import { version } from './version.ts';

const LIST = 'name=value,…, percent-encoded';

/** The environment variables by which tracing is set up; names and meanings are OpenTelemetry's. https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
export function tracingVariables(service: string) {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: optional(
      'Address of an OpenTelemetry collector, without `/v1/traces`. Spans are sent there as JSON over HTTP; without this and the next variable nothing is traced.',
      'an http or https URL, or empty',
    ),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: optional(
      'The full address for spans, used as it is; goes before the one above.',
      'an http or https URL, or empty',
    ),
    OTEL_EXPORTER_OTLP_HEADERS: optional('Headers of each request to it, such as a key.', LIST),
    OTEL_SERVICE_NAME: { ...textVariable('The `service.name` of the spans.', 'a text'), default: service },
    OTEL_RESOURCE_ATTRIBUTES: optional('What else is said of the process with its spans.', LIST),
  } as const satisfies Variables;
}

function optional(help: string, form: string) {
  return { ...textVariable(help, form), default: '' };
}

/** What traces, and is closed with the process. */
export interface OwnedTracer extends Tracer {
  /** Sends what is left, for 2 s at most. Never rejects. */
  close(): Promise<void>;
}

/** The tracer that the environment asks for. Throws `InputError` (`Usage`) naming a variable that is wrong; a value may be a secret, so it is not repeated. */
export function tracerFor(
  environment: ValuesOf<ReturnType<typeof tracingVariables>>,
  ports: { readonly clock: Clock; readonly log: Log; readonly onDropped: (spans: number) => void },
): OwnedTracer {
  const endpoint = endpointOf(environment);
  if (endpoint === undefined) return { ...noTracer, close: async () => {} };
  return new OtlpTracer({
    ...ports,
    endpoint,
    headers: listIn('OTEL_EXPORTER_OTLP_HEADERS', environment.OTEL_EXPORTER_OTLP_HEADERS, isHeader),
    resource: {
      'service.version': version,
      ...listIn('OTEL_RESOURCE_ATTRIBUTES', environment.OTEL_RESOURCE_ATTRIBUTES, () => true),
      'service.name': environment.OTEL_SERVICE_NAME,
    },
  });
}

function endpointOf(environment: ValuesOf<ReturnType<typeof tracingVariables>>): URL | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = environment;
  if (own !== '') return urlIn('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', own);
  return base === '' ? undefined : urlIn('OTEL_EXPORTER_OTLP_ENDPOINT', `${base.replace(/\/+$/, '')}/v1/traces`);
}

function urlIn(variable: string, text: string): URL {
  const url = URL.parse(text);
  if ((url?.protocol === 'http:' || url?.protocol === 'https:') && url.username === '' && url.password === '') return url;
  throw new InputError('Usage', `the environment variable ${variable} must be an http or https URL, without user and password`);
}

/** The pairs of a list as W3C Baggage writes it. https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables */
function listIn(variable: string, text: string, isGood: (name: string, value: string) => boolean): Readonly<Record<string, string>> {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      const name = pair.slice(0, Math.max(0, at)).trim();
      const value = decoded(pair.slice(at + 1).trim());
      if (name !== '' && value !== undefined && isGood(name, value)) return [name, value];
      throw new InputError(
        'Usage',
        `the environment variable ${variable} must be a list of name=value, separated by commas, percent-encoded`,
      );
    }),
  );
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** RFC 9110 section 5.6.2. */
function isHeader(name: string, value: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && isHeaderValue(value);
}
