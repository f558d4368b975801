/** A topic pattern taken apart. */
export type TopicPattern = readonly string[];

/** Takes a pattern of a topic exchange apart: words between dots, `*` for exactly one word, `#` for any number of them. */
export function parseTopicPattern(pattern: string): TopicPattern {
  return words(pattern);
}

/**
 * Whether a topic exchange would route `routingKey` by `pattern`. Linear in memory and at most |pattern| × |key| steps, whatever the pattern.
 * https://www.rabbitmq.com/tutorials/tutorial-five-javascript
 */
export function topicMatches(pattern: TopicPattern, routingKey: string): boolean {
  const key = words(routingKey);
  let at = 0;
  let word = 0;
  // Where to go on when the words after the last `#` did not fit: it swallows one word more. Earlier `#` need no second try.
  let afterHash = -1;
  let swallowedTo = 0;
  while (word < key.length) {
    const part = pattern[at];
    if (part === '#') {
      at += 1;
      afterHash = at;
      swallowedTo = word;
    } else if (part !== undefined && (part === '*' || part === key[word])) {
      at += 1;
      word += 1;
    } else if (afterHash >= 0) {
      swallowedTo += 1;
      at = afterHash;
      word = swallowedTo;
    } else {
      return false;
    }
  }
  while (pattern[at] === '#') at += 1;
  return at === pattern.length;
}

/** An empty key has no words, which is not the same as one empty word: `*` does not match it. */
function words(text: string): readonly string[] {
  return text === '' ? [] : text.split('.');
}
