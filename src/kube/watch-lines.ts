/** Cuts a stream of UTF-8 into its lines, whatever the pieces that it comes in. */
export interface Lines {
  /** The lines that this piece completes, without their ends. */
  push(chunk: Uint8Array): readonly string[];
  /** What stands after the last line's end. */
  rest(): string;
}

/** Lines of a stream that has not begun. */
export function createLines(): Lines {
  const decoder = new TextDecoder();
  // Pieces are joined once their line is complete: a large object comes in hundreds of them.
  let pieces: string[] = [];
  return {
    push(chunk) {
      const [head = '', ...tail] = decoder.decode(chunk, { stream: true }).split('\n');
      pieces.push(head);
      const last = tail.pop();
      if (last === undefined) return [];
      const lines = [pieces.join(''), ...tail];
      pieces = [last];
      return lines.filter((line) => line !== '');
    },
    rest: () => pieces.join(''),
  };
}
