import type { Headers } from '../api/message.ts';
import type { Binding, QueueArguments } from './topology.ts';

/** The exchange types that the embedded broker has. */
export type ExchangeType = 'direct' | 'topic' | 'headers' | 'fanout';

/** The queues that an exchange routes a message to, each once. */
export function routedQueues(
  type: ExchangeType,
  bindings: readonly Binding[],
  message: { readonly routingKey: string; readonly headers: Headers },
): readonly string[] {
  const matching = bindings.filter((binding) => matches(type, binding, message));
  return [...new Set(matching.map((binding) => binding.queue))];
}

function matches(type: ExchangeType, binding: Binding, message: { readonly routingKey: string; readonly headers: Headers }): boolean {
  switch (type) {
    case 'direct':
      return binding.routingKey === message.routingKey;
    case 'fanout':
      return true;
    case 'topic':
      return wordsMatch(wordsOf(binding.routingKey), wordsOf(message.routingKey));
    case 'headers':
      return headersMatch(binding.arguments ?? {}, message.headers);
  }
}

/** RabbitMQ takes the empty key for no words at all, and not for one empty word. */
function wordsOf(key: string): readonly string[] {
  return key === '' ? [] : key.split('.');
}

/** `*` stands for one word, `#` for none or more. https://www.rabbitmq.com/docs/exchanges#topic */
function wordsMatch(pattern: readonly string[], words: readonly string[]): boolean {
  let at = 0;
  // Where the last `#` is, and the first word that it does not stand for yet: whatever the ones before it stand for need not be looked at again.
  let last: { readonly pattern: number; word: number } | undefined;
  for (let word = 0; word < words.length; ) {
    const wanted = pattern[at];
    if (wanted === '#') last = { pattern: at++, word };
    else if (wanted !== undefined && (wanted === '*' || wanted === words[word])) {
      at++;
      word++;
    } else if (last !== undefined) {
      at = last.pattern + 1;
      word = ++last.word;
    } else return false;
  }
  return pattern.slice(at).every((wanted) => wanted === '#');
}

/** `x-match` is `all` (the default), `any`, or either with `-with-x`; arguments that begin with `x-` count only there. https://www.rabbitmq.com/docs/exchanges#headers */
function headersMatch(wanted: QueueArguments, headers: Headers): boolean {
  const mode = String(wanted['x-match'] ?? 'all');
  const names = Object.keys(wanted).filter((name) => name !== 'x-match' && (mode.endsWith('-with-x') || !name.startsWith('x-')));
  const holds = (name: string) => headers[name] === wanted[name];
  return mode.startsWith('any') ? names.some(holds) : names.every(holds);
}
