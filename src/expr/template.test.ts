import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assert as check, property, string } from 'fast-check';
import { InputError } from '../lib/errors.ts';
import { readEventAgentSchema } from '../manifest/schema.ts';
import { hasLiteralOrigin, literalOrigin } from './literal-origin.ts';
import { parseTemplate, type TemplateOptions } from './template.ts';

const scope = {
  agent: { namespace: 'team', name: 'reviewer' },
  event: {
    id: 'a/b c',
    type: 't',
    extensions: {},
    hop: 0,
    data: {
      text: 'hunter2',
      dots: '..',
      torn: 'a\ud800b',
      list: [1, 'x'],
      object: { k: [1] },
      nothing: null,
      endless: JSON.parse('1e999') as number,
      deep: { list: [JSON.parse('-1e999') as number] },
      flag: false,
      many: Array.from({ length: 5000 }, () => 0),
    },
  },
  output: { text: 'he said "no"\n' },
};
const variables = ['agent', 'event', 'output'];
const text: TemplateOptions = { mode: 'text', variables };
const url: TemplateOptions = { mode: 'url', variables };

function thrown(run: () => unknown): InputError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.code, 'BadTemplate');
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('a template', () => {
  const renders: readonly (readonly [string, TemplateOptions, string])[] = [
    ['{{ event.data.text }} for {{ agent.name }}', text, 'hunter2 for reviewer'],
    ['{"body": {{ output.text | json }} }', text, '{"body": "he said \\"no\\"\\n" }'],
    ['{{ event.data.object }} {{ event.data.list }}', text, '{"k":[1]} [1,"x"]'],
    ['[{{ event.data.nothing }}]', text, '[]'],
    ['[{{ event.data.nothing | json }}]', text, '[null]'],
    ['[{{ event.data.nothing | default: "none" }}]', text, '[none]'],
    ['[{{ event.data.nothing.deeper.still | default: "none" }}]', text, '[none]'],
    ['{% if event.data.nothing.deeper %}yes{% else %}no{% endif %}', text, 'no'],
    ['{% unless event.data.nothing.deeper %}no{% endunless %}', text, 'no'],
    ['{{ event.data.list | json: 1 }}', text, '[\n 1,\n "x"\n]'],
    ['{% if event.data.missing %}yes{% else %}no{% endif %}', text, 'no'],
    ['{{ event.data.missing.deeper | default: "none" }}', text, 'none'],
    ['{% for x in event.data.list %}{{ x }};{% endfor %}', text, '1;x;'],
    ['{% assign x = event.data.text | upcase %}{{ x }}', text, 'HUNTER2'],
    ['{{ event.data.list.size }}{{ event.data.list.first }}', text, '21'],
    ['{{ "2026-03-29T01:30:00+02:00" | date: "%Y-%m-%d %H:%M" }}', text, '2026-03-28 23:30'],
    ['{{ event.data.text }}{{ "{{ event.id }}" }}', text, 'hunter2{{ event.id }}'],
    ['https://h/p/{{ event.id }}?q={{ event.id }}#{{ event.data.flag }}', url, 'https://h/p/a%2Fb%20c?q=a%2Fb%20c#false'],
    ['https://h?q={{ event.id }}', url, 'https://h?q=a%2Fb%20c'],
    ['https://h/{% assign x = event.id %}{{ x }}/{% echo event.id %}', url, 'https://h/a%2Fb%20c/a%2Fb%20c'],
    ['https://h/?q={{ event.data.dots }}', url, 'https://h/?q=..'],
    ['https://h/{{ event.data.nothing }}x', url, 'https://h/x'],
    ['https://h/{{ event.id }}', text, 'https://h/a/b c'],
    ['https://h/{{ event.data.torn }}', url, 'https://h/a%EF%BF%BDb'],
    ['https://{{ event.id }}/', url, 'https://a/b c/'],
    ['{{ event.id }}', url, 'a/b c'],
  ];
  for (const [source, options, expected] of renders)
    it(`${options.mode}: ${source}`, () => assert.equal(parseTemplate(source, options).render(scope), expected));

  const refused: readonly (readonly [string, TemplateOptions, RegExp])[] = [
    ['a\n  {{ event.id | nope }}', text, /^line 2, column 3: undefined filter: nope$/],
    ['{{ event.id', text, /^line 1, column 1: output .* not closed/],
    ['x {% if event.id %}', text, /^line 1, column 3: tag .* not closed/],
    ['{% nope %}', text, /^line 1, column 1: tag "nope" not found$/],
    ['{% include "a" %}', text, /^line 1, column 1: tag "include" not found; a template has nothing to include/],
    ['{% render "a" %}', text, /nothing to include/],
    ['{% layout "a" %}', text, /nothing to include/],
    ['{{ event.data.list | where_exp: "x", event.data.text }}', text, /undefined filter: where_exp/],
    ['a\nb {{ evnt.id }}', text, /^line 2, column 6: unknown variable evnt; there is agent, event, output$/],
    ['{{ event.titel }}', text, /^line 1, column 4: event has no field titel; it has id, /],
    ['{{ output.text }}', { mode: 'text', variables: ['event'] }, /unknown variable output/],
    ['{{ output.txt }}', text, /^line 1, column 4: output has no field txt; it has text, model$/],
    ['a {{ agent["id"] }}', text, /^line 1, column 6: agent has no field id; it has namespace, name$/],
    ['{% if output.error %}x{% endif %}', text, /output has no field error; it has text, model/],
    ['https://exa mple/x', url, /not a URL/],
    ['https://h%zz/x', url, /https:\/\/h%zz is not the beginning of a URL/],
    ['http://[::1/x', url, /http:\/\/\[::1 is not the beginning of a URL/],
    ['https://h/{{ event.id | raw }}', url, /undefined filter: raw; values in a URL are percent-encoded/],
    ['https://h/{{ event.id | url_encode }}', url, /undefined filter: url_encode; values in a URL are percent-encoded/],
    ['https://h/{% capture x %}{{ event.id }}{% endcapture %}{{ x }}', url, /tag "capture" not found; values in a URL/],
    ['https://h/{% cycle event.id, "b" %}', url, /tag "cycle" not found; values in a URL/],
    ['https://a:99999/', url, /https:\/\/a:99999 is not the beginning of a URL/],
    [`{{ ${'a'.repeat(100_001)} }}`, text, /parse length limit exceeded/],
  ];
  for (const [source, options, message] of refused)
    it(`is refused, ${options.mode}: ${source.slice(0, 70)}`, () =>
      assert.match(thrown(() => parseTemplate(source, options)).message, message));

  const failures: readonly (readonly [string, TemplateOptions, RegExp])[] = [
    ['a\n {{ event.data.titel }}', text, /^line 2, column 5: undefined variable event\.data\.titel; correct the name, or guard it/],
    ['{{ event.data[event.data.text] }}', text, /undefined variable event\.data\[event\.data\.text\]/],
    ['{{ event.data.constructor }}', text, /undefined variable event\.data\.constructor/],
    ['{{ event.data.__proto__ }}', text, /undefined variable event\.data\.__proto__/],
    ['{{ event.data.list[9] }}', text, /undefined variable event\.data\.list\[9\]/],
    [
      'a {{ event.data.nothing.id }}',
      text,
      /^line 1, column 6: undefined variable event\.data\.nothing\.id; correct the name, or guard it/,
    ],
    ['{{ event.data.nothing.size }}', text, /undefined variable event\.data\.nothing\.size/],
    ['{% assign x = event.data.nothing %}{{ x.y }}', text, /undefined variable x\.y/],
    ['{% for x in event.data.nothing.list %}{{ x }}{% endfor %}', text, /undefined variable event\.data\.nothing\.list/],
    ['https://h/{{ event.data.nothing.id }}', url, /undefined variable event\.data\.nothing\.id/],
    ['{{ event.data.endless }}', text, /^line 1, column 1: a number that is infinite, or none at all, cannot be inserted/],
    ['{{ event.data.endless | json }}', text, /^line 1, column 1: a number that is infinite, or none at all, cannot be inserted/],
    ['{{ 1 | divided_by: 0 }}', text, /a number that is infinite, or none at all, cannot be inserted/],
    ['{{ event.data.deep }}', text, /a number that is infinite, or none at all, cannot be inserted/],
    ['{{ event.data.deep | jsonify }}', text, /a number that is infinite, or none at all, cannot be inserted/],
    ['{{ event.data.deep | inspect }}', text, /a number that is infinite, or none at all, cannot be inserted/],
    ['https://h/{{ event.data.endless }}', url, /a number that is infinite, or none at all, cannot be inserted/],
    ['https://h/{{ event.data.object }}', url, /^line 1, column 11: an object or a list cannot be part of a URL/],
    ['https://h/a/{{ event.data.dots }}/b', url, /segment "\." or "\.\."/],
    [
      '{% for x in event.data.many %}{% for y in event.data.many %}{{ event.data.many | join: event.data.text }}{% endfor %}{% endfor %}',
      text,
      /memory alloc limit exceeded; this event makes the template too long or too slow/,
    ],
  ];
  for (const [source, options, message] of failures)
    it(`fails on an event, and does not quote it, ${options.mode}: ${source.slice(0, 70)}`, () => {
      const error = thrown(() => parseTemplate(source, options).render(scope));
      assert.match(error.message, message);
      assert.doesNotMatch(`${error.message} ${String(error.cause ?? '')}`, /hunter2/);
    });

  it('writes dates in UTC wherever the process runs', () => {
    const zone = process.env.TZ;
    process.env.TZ = 'America/New_York';
    try {
      assert.equal(parseTemplate('{{ "2026-01-01T00:30:00Z" | date: "%d %H:%M" }}', text).render(scope), '01 00:30');
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });

  it('keeps whatever value in its one path segment', () =>
    check(
      property(string({ unit: 'binary' }), (value) => {
        const template = parseTemplate('https://host.example/a/{{ event.data.v }}/b', url);
        const render = () => template.render({ ...scope, event: { ...scope.event, data: { v: value } } });
        if (value === '.' || value === '..') assert.match(thrown(render).message, /segment/);
        else {
          const { origin, pathname, search, hash } = new URL(render());
          assert.deepEqual(
            [origin, pathname.split('/').length, pathname.endsWith('/b'), search, hash],
            ['https://host.example', 4, true, '', ''],
          );
          assert.equal(decodeURIComponent(pathname.split('/')[2] ?? ''), value.toWellFormed());
        }
      }),
      { numRuns: 300 },
    ));
});

describe('the origin of a URL template', () => {
  const origins: readonly (readonly [string, string | undefined])[] = [
    ['https://api.example.com/a/{{ x }}', 'https://api.example.com'],
    ['http://localhost:8080', 'http://localhost:8080'],
    ['https://h?q={{ x }}', 'https://h'],
    ['https://h#{{ x }}', 'https://h'],
    ['https://{{ x }}/', undefined],
    ['https://h{{ x }}/', undefined],
    ['https://h:{{ x }}/', undefined],
    ['https://user@h/', undefined],
    ['https://h\\{{ x }}/', undefined],
    ['https://h\\x/{{ x }}', undefined],
    ['https://h\t{{ x }}/', undefined],
    [' https://h/', undefined],
    ['{{ x }}', undefined],
    ['ftp://h/', undefined],
    ['https:///h', undefined],
  ];
  for (const [source, origin] of origins)
    it(`of ${JSON.stringify(source)} is ${origin ?? 'not written out'}`, () => {
      assert.equal(literalOrigin(source), origin);
      assert.equal(hasLiteralOrigin(source), origin !== undefined);
    });

  it('cannot be changed by what follows it', () =>
    check(
      property(string({ unit: 'binary' }), (rest) => {
        const origin = literalOrigin(`https://host.example/${rest}`);
        assert.equal(origin, 'https://host.example');
        assert.equal(new URL(`https://host.example/${rest}`).origin, origin);
      }),
      { numRuns: 300 },
    ));

  it('is what the rule of the CRD asks for', () => {
    const rules = JSON.stringify(readEventAgentSchema());
    const [, pattern = ''] =
      /self\.url\.matches\(r'([^']+)'\)/.exec(JSON.parse(`"${/has\(self\.allowedHosts\)[^"]*/.exec(rules)?.[0] ?? ''}"`)) ?? [];
    for (const [source, origin] of origins) assert.equal(new RegExp(pattern).test(source), origin !== undefined, source);
  });
});
