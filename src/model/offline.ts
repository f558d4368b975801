import { NO_TOKENS } from '../api/tokens.ts';
import { type Model, ModelError, type ModelRequest } from './port.ts';

/** How every stand-in answer begins, so that nobody takes it for a model's. */
export const OFFLINE_MARKER = '[offline] No model was called; this text stands in for its answer.';

/** How much of the prompt a stand-in shows. */
const EXCERPT_CHARACTERS = 400;

/**
 * A model that calls nobody: it answers each request with a marked stand-in that shows what would have been asked,
 * the same for the same request, and costs nothing. Rejects only with `Aborted`.
 */
export function createOfflineModel(): Model {
  return {
    async call(request, signal) {
      // A real call never ends in the turn that it began in; callers must not come to rely on that here.
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) throw new ModelError('Aborted', 'The call was aborted.', { usage: 'none' });
      return {
        stopReason: 'end_turn',
        rawStopReason: 'end_turn',
        text: standIn(request),
        model: request.model,
        usage: NO_TOKENS,
      };
    },
  };
}

function standIn(request: ModelRequest): string {
  const characters = [...request.prompt];
  const excerpt = characters.slice(0, EXCERPT_CHARACTERS).join('');
  const lines = [
    OFFLINE_MARKER,
    `${request.model} would have been asked, for at most ${request.maxTokens} tokens:`,
    characters.length > EXCERPT_CHARACTERS ? `${excerpt}… (${characters.length} characters in all)` : excerpt,
  ];
  return lines.join('\n');
}
