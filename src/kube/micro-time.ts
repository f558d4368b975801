/** Kubernetes' MicroTime, which takes six digits after the point and no others. `ms` since the epoch. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
