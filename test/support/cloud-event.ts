import type { HttpRequest } from './http-exchange.ts';

/** A CloudEvents envelope; `undefined` takes an attribute away. */
export function cloudEvent(attributes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    specversion: '1.0',
    id: 'order-1',
    source: '/orders',
    type: 'com.example.order.created',
    data: { total: 12 },
    ...attributes,
  });
}

/** A request in structured mode. */
export function structured(body: string | Buffer, headers: HttpRequest['headers'] = {}): HttpRequest {
  return { headers: { 'content-type': 'application/cloudevents+json', ...headers }, body };
}
