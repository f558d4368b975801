import type { ModelRequest } from './port.ts';

/** Longer than this, a sentence is not worth its place in an error. */
const LONGEST_WORDS = 200;

/** A run of this many characters of a request can be somebody's name or number; whatever has it is left out. */
const EXCERPT_CHARACTERS = 6;

/**
 * Sentences that are the provider's own from end to end, but for counts and the model's name: they are worth having, and their words stand in many a prompt.
 * As seen in answers of the Messages API, e.g. https://github.com/boldsoftware/exe.dev/issues/62.
 */
const FIXED = [
  /^prompt is too long: \d{1,9} tokens > \d{1,9} maximum$/,
  /^max_tokens: \d{1,9} > \d{1,9}(, which is the maximum allowed number of output tokens for MODEL)?$/,
];

/**
 * What a provider says of a request, in one line, so that it may stand in a log: empty where it is long, or repeats as few as six characters of the prompt, the system text or the key.
 */
export function safeWords(said: unknown, request: ModelRequest, apiKey: string): string {
  if (typeof said !== 'string') return '';
  const words = inOneLine(said)
    .replace(/[. ]+$/, '')
    .trim();
  if (words === '' || words.length > LONGEST_WORDS) return '';
  const isFixed = FIXED.some((sentence) => sentence.test(words.replace(request.model, 'MODEL')));
  if (isFixed) return words;
  const texts = [request.prompt, request.system ?? '', apiKey].map(inOneLine);
  return texts.some((text) => shareExcerpt(words, text)) ? '' : words;
}

function inOneLine(text: string): string {
  return text.replace(/[\s\p{C}]+/gu, ' ');
}

/** Whether two texts have a run of characters in common that is long enough to tell something, or the whole of the second where it is shorter. */
function shareExcerpt(words: string, text: string): boolean {
  const length = Math.min(EXCERPT_CHARACTERS, text.length);
  if (text.trim() === '') return false;
  for (let start = 0; start + length <= words.length; start += 1) {
    if (text.includes(words.slice(start, start + length))) return true;
  }
  return false;
}
