/**
 * An object as the body of a server-side apply. The API server reads that as YAML, even where it is JSON: control characters above ASCII's own are refused as they stand (U+0085 would
 * be read as a line break), and halves of a surrogate pair in any form. https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export function applyBody(object: object): string {
  const json = JSON.stringify(object, (_, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value));
  return json.replaceAll(/[\u007f-\u009f\ufffe\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
