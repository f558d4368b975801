import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { createFrameReader, createFrameWriter, type FrameReader, type StreamName } from './frames.ts';

/** What was said by whom. */
type Said = readonly (readonly [StreamName, string])[];

function lined(said: Said, exitCode = 0): readonly string[] {
  const writer = createFrameWriter();
  return [...said.flatMap(([stream, text]) => writer.text(stream, text)), writer.end(exitCode)];
}

function readBy(reader: FrameReader, lines: readonly string[]) {
  const whole = { out: '', err: '', exitCode: undefined as number | undefined };
  for (const line of lines) {
    const read = reader.read(line);
    if (read.is === 'text') whole[read.stream] += read.text;
    if (read.is === 'end') whole.exitCode = read.exitCode;
  }
  return whole;
}

suite('frames', () => {
  test('are arrays in lines, numbered over both streams, and the last is the exit code', () =>
    assert.deepEqual(
      lined(
        [
          ['out', 'a\nb\n'],
          ['err', 'c "d"\r\n'],
          ['out', ''],
        ],
        2,
      ),
      ['["out",0,"a\\nb\\n"]', '["err",1,"c \\"d\\"\\r\\n"]', '["end",2,2]'],
    ));

  test('keep texts as they are: carriage returns, controls, line separators, characters beyond the first plane', () => {
    const text = 'one\r\ntwo\rthree\u0000\u001b[31m\u2028\u2029 ü 日本 👩‍👩‍👧 \\n "\n';
    assert.deepEqual(readBy(createFrameReader(), lined([['out', text]])), { out: text, err: '', exitCode: 0 });
  });

  test('are less than 16 KiB long, with no character cut in two', () => {
    for (const unit of ['x', '"', '\u0001', 'ü', '日', '👩', 'a👩']) {
      const text = `x${unit.repeat(50_000)}`;
      const lines = lined([['out', text]]);
      assert.ok(lines.length > 1, unit);
      for (const line of lines) {
        assert.ok(Buffer.byteLength(line) < 16_000, `${unit}: ${Buffer.byteLength(line)}`);
        assert.ok(line.isWellFormed() && !/\\ud[89a-f]/.test(line), unit);
      }
      assert.equal(readBy(createFrameReader(), lines).out, text, unit);
    }
  });

  test('keep any text of any stream', () => {
    const said = fc.array(fc.tuple(fc.constantFrom('out' as const, 'err' as const), fc.string({ unit: 'binary', maxLength: 40_000 })), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(said, (spoken) => {
        const of = (stream: StreamName) =>
          spoken
            .filter(([name]) => name === stream)
            .map(([, text]) => text)
            .join('');
        assert.deepEqual(readBy(createFrameReader(), lined(spoken)), { out: of('out'), err: of('err'), exitCode: 0 });
      }),
      { numRuns: 50 },
    );
  });
});

suite('a reader of frames', () => {
  const lines = lined([
    ['out', 'a'],
    ['err', 'b'],
    ['out', 'c'],
  ]);

  test('takes each once, however often the log is read from its beginning', () => {
    const reader = createFrameReader();
    assert.deepEqual(readBy(reader, lines.slice(0, 2)), { out: 'a', err: 'b', exitCode: undefined });
    assert.deepEqual(readBy(reader, lines), { out: 'c', err: '', exitCode: 0 });
  });

  test('says so where one is missing, at the beginning and later, the end included', () => {
    for (const missing of [0, 1, 2]) {
      const reader = createFrameReader();
      const rest = lines.filter((_, index) => index !== missing);
      assert.throws(() => readBy(reader, rest), {
        name: 'FramesMissing',
        message: missing === 0 ? 'its output begins with line 1' : `its output goes from line ${missing - 1} to line ${missing + 1}`,
      });
    }
  });

  test('knows what is nothing of ours, and counts none of it', () => {
    const reader = createFrameReader();
    const foreign = ['Warning: deprecated', '', '[]', '["out",0]', '["out",0,1]', '["out","0","a"]', '["out",-1,"a"]', '["end",0,"0"]'];
    for (const line of [...foreign, '["out",0.5,"a"]', '["log",0,"a"]', '["out",0,"a"', '{"level":"info"}'])
      assert.deepEqual(reader.read(line), { is: 'foreign' }, line);
    assert.deepEqual(readBy(reader, lines), { out: 'ac', err: 'b', exitCode: 0 });
  });
});
