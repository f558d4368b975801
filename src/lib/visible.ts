/** What would begin a line, change the look of a terminal, turn the direction of writing, or not be seen. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** A text of one line for people: what a terminal would obey, or not show, is written as an escape. */
export function visible(text: string): string {
  return text.replaceAll(UNSEEN, (char) =>
    Array.from({ length: char.length }, (_, index) => `\\u${char.charCodeAt(index).toString(16).padStart(4, '0')}`).join(''),
  );
}

/** A value as JSON of one line that means the same, in which all that is not seen is written as an escape. */
export function visibleJson(value: unknown): string {
  return visible(JSON.stringify(value));
}
