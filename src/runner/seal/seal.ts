import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { SecretKeyRef, Secrets } from '../../api/configuration.ts';
import type { EventRecord, OutputCheckpoint, TurnCheckpoint } from '../../api/record.ts';
import { CodedError } from '../../lib/errors.ts';
import type { RecordKey } from '../../store/port.ts';

/**
 * Content of a record cannot be read or written. `KeyUnusable`: a key's Secret is missing or is no key. `KeyMissing`: it was sealed with a key that is not given any more.
 * `Tampered`: it does not open with its key.
 */
export class SealError extends CodedError<SealErrorCode> {}

/** Which of them. */
export type SealErrorCode = 'KeyUnusable' | 'KeyMissing' | 'Tampered';

/** One key, and the name that what it has sealed carries: eight hex digits that say nothing of it. */
export interface SealKey {
  readonly id: string;
  readonly key: Buffer;
}

/** AES-256-GCM: NIST SP 800-38D. A nonce of 96 bits at random, and a tag of 128. */
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const NO_REQUEST = { method: '', url: '', headers: {}, body: '' } as const;

/** The keys of an agent, of which the first seals and all open. Throws `SealError` (`KeyUnusable`), which names the Secret and never its value. */
export function sealKeys(refs: readonly SecretKeyRef[], secrets: Secrets): readonly SealKey[] {
  return refs.map((ref) => {
    const text = secrets(ref)?.trim() ?? '';
    const key = Buffer.from(text, 'base64');
    if (key.length !== KEY_BYTES || key.toString('base64') !== text)
      throw new SealError(
        'KeyUnusable',
        `key ${ref.key} of Secret ${ref.name} is missing, or is not ${KEY_BYTES} bytes in base64: make one by \`openssl rand -base64 ${KEY_BYTES}\``,
      );
    return { id: createHash('sha256').update('eventagent checkpoint key\0').update(key).digest('hex').slice(0, 8), key };
  });
}

/** The record with the model's answer and the requests of outputs sealed by the first of the keys; without keys as it is. What is sealed already stays so. Pure but for its nonces. */
export function sealedRecord(record: EventRecord, of: RecordKey, keys: readonly SealKey[]): EventRecord {
  const [key] = keys;
  if (key === undefined) return record;
  const { turn, outputs } = record;
  return {
    ...record,
    ...(turn === undefined ? {} : { turn: sealedTurn(turn, of, key) }),
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, sealedOutput(output, of, name, key)])),
  };
}

/** The record with all that is sealed in it opened. Throws `SealError` (`KeyMissing`, `Tampered`). Pure. */
export function openedRecord(record: EventRecord, of: RecordKey, keys: readonly SealKey[]): EventRecord {
  const { turn, outputs } = record;
  return {
    ...record,
    ...(turn === undefined ? {} : { turn: openedTurn(turn, of, keys) }),
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, openedOutput(output, of, name, keys)])),
  };
}

function sealedTurn(turn: TurnCheckpoint, of: RecordKey, key: SealKey): TurnCheckpoint {
  return turn.sealed === undefined ? { ...turn, text: '', sealed: seal(turn.text, aad(of, 'turn'), key) } : turn;
}

function openedTurn({ sealed, ...turn }: TurnCheckpoint, of: RecordKey, keys: readonly SealKey[]): TurnCheckpoint {
  return sealed === undefined ? turn : { ...turn, text: open(sealed, aad(of, 'turn'), keys) };
}

function sealedOutput(output: OutputCheckpoint, of: RecordKey, name: string, key: SealKey): OutputCheckpoint {
  if (output.sealed !== undefined) return output;
  return { ...output, request: NO_REQUEST, sealed: seal(JSON.stringify(output.request), aad(of, `output ${name}`), key) };
}

function openedOutput({ sealed, ...output }: OutputCheckpoint, of: RecordKey, name: string, keys: readonly SealKey[]): OutputCheckpoint {
  if (sealed === undefined) return output;
  return { ...output, request: JSON.parse(open(sealed, aad(of, `output ${name}`), keys)) as OutputCheckpoint['request'] };
}

/** What is sealed belongs to one part of one event of one agent, and opens nowhere else. */
function aad({ agent, event }: RecordKey, part: string): Buffer {
  return Buffer.from(JSON.stringify([agent.namespace, agent.name, event, part]));
}

/** `<key id>.<nonce, ciphertext and tag in base64>` */
function seal(text: string, about: Buffer, { id, key }: SealKey): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(about);
  const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${id}.${sealed.toString('base64')}`;
}

function open(sealed: string, about: Buffer, keys: readonly SealKey[]): string {
  const cut = sealed.indexOf('.');
  const id = sealed.slice(0, cut);
  const found = keys.find((key) => key.id === id);
  if (found === undefined)
    throw new SealError(
      'KeyMissing',
      `the record was encrypted with a key (${id}) that spec.checkpoints.encryptionKeyRefs does not have: give that key as a further entry until its records have expired`,
    );
  const bytes = Buffer.from(sealed.slice(cut + 1), 'base64');
  try {
    const decipher = createDecipheriv(CIPHER, found.key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(about);
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new SealError(
      'Tampered',
      'the record does not open with its key: somebody has changed it in the store, or it is that of another event',
      {
        cause,
      },
    );
  }
}
