import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { controllerMetrics } from '../../src/api/metrics.ts';
import { run } from '../parts/command.ts';
import { programOf } from '../parts/debian-root.ts';
import { prometheusRoot } from '../parts/prometheus.ts';
import { partOrSkip } from '../parts/unavailable.ts';
import { renderChart } from '../support/chart.ts';
import { documentsOf } from '../support/kube-document.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleSpec {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

/** What an alert is about: the labels of its series, and the value. */
interface Firing {
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: string;
}

/** Values by the quarter of a minute, as promtool takes them, and when the alert fires for what. */
interface Course {
  readonly series: Readonly<Record<string, string>>;
  readonly fires: Readonly<Record<string, readonly Firing[]>>;
}

const leader = (pod: string) => `eventagent_leader{namespace="eventagent-system",pod="eventagent-controller-${pod}"}`;
const deadLetters = (pod: string) => `eventagent_dead_letters{namespace="platform",agent="pr-reviewer",pod="eventagent-controller-${pod}"}`;

const courses: Readonly<Record<string, readonly [alert: string, course: Course]>> = {
  'an alert on dead letters fires while there are some, whichever pod tells of them, and ends with them': [
    'EventAgentDeadLetters',
    {
      series: { [deadLetters('a')]: '0x7 3x7 stale', [deadLetters('b')]: '_x15 3x12 0x20' },
      fires: {
        '1m': [],
        '2m30s': [],
        '3m30s': [{ labels: { namespace: 'platform', agent: 'pr-reviewer' }, value: '3' }],
        '6m': [{ labels: { namespace: 'platform', agent: 'pr-reviewer' }, value: '3' }],
        '8m': [],
      },
    },
  ],
  'an alert on a broker fires only for the one that does not answer': [
    'EventAgentBrokerUnreachable',
    {
      series: {
        'eventagent_broker_reachable{namespace="eventagent-system",broker="default",pod="a"}': '1x3 0x20 1x20',
        'eventagent_broker_reachable{namespace="eventagent-system",broker="other",pod="a"}': '1x50',
      },
      fires: { '2m': [], '4m': [{ labels: { namespace: 'eventagent-system', broker: 'default' } }], '7m': [] },
    },
  ],
  'an alert on the operator fires where no pod leads, and not while leadership changes': [
    'EventAgentNoLeader',
    { series: { [leader('a')]: '1x4 0x40', [leader('b')]: '0x6 1x12 0x40' }, fires: { '2m': [], '4m': [], '8m': [{ labels: {} }] } },
  ],
  'an alert on the operator fires where nothing is heard of it': [
    'EventAgentNoLeader',
    {
      series: { 'eventagent_leader{namespace="elsewhere",pod="eventagent-controller-a"}': '1x60' },
      fires: { '1m': [], '3m': [{ labels: { namespace: 'eventagent-system' } }] },
    },
  ],
};

async function rulesOrSkip(t: TestContext): Promise<RuleSpec | undefined> {
  const values = { metrics: { prometheusRule: { enabled: true } } };
  const manifest = await partOrSkip(t, () => renderChart({ namespace: 'eventagent-system', values, templates: ['prometheus-rule.yaml'] }));
  return manifest === undefined ? undefined : (documentsOf(manifest)[0]?.spec as RuleSpec);
}

function filledIn(text: string, { labels, value = '' }: Firing): string {
  return text.replaceAll('{{ $value }}', value).replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? '');
}

suite('the alerts of the chart', () => {
  test('ask for metrics that there are', async (t) => {
    const rules = await rulesOrSkip(t);
    if (rules === undefined) return;
    const asked = rules.groups.flatMap((group) => group.rules).flatMap(({ expr }) => expr.match(/eventagent_\w+/g) ?? []);
    assert.ok(asked.length >= 3);
    assert.deepEqual(
      asked.filter((name) => !(name in controllerMetrics)),
      [],
    );
  });

  for (const [name, [alert, { series, fires }]] of Object.entries(courses)) {
    test(name, async (t) => {
      const rules = await rulesOrSkip(t);
      const root = await partOrSkip(t, () => prometheusRoot());
      if (rules === undefined || root === undefined) return;
      const rule = rules.groups.flatMap((group) => group.rules).find((candidate) => candidate.alert === alert);
      assert.ok(rule !== undefined);
      const expected = (firing: Firing) => ({
        exp_labels: { ...firing.labels, ...rule.labels },
        exp_annotations: Object.fromEntries(Object.entries(rule.annotations).map(([key, text]) => [key, filledIn(text, firing)])),
      });
      const cases = Object.entries(fires).map(([time, found]) => ({ eval_time: time, alertname: alert, exp_alerts: found.map(expected) }));
      const input = Object.entries(series).map(([text, values]) => ({ series: text, values }));
      const folder = await mkdtemp(join(tmpdir(), 'eventagent-alerts-'));
      try {
        // JSON is YAML.
        await writeFile(join(folder, 'rules.yaml'), JSON.stringify(rules));
        const tests = [{ interval: '15s', input_series: input, alert_rule_test: cases }];
        await writeFile(join(folder, 'tests.yaml'), JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: '15s', tests }));
        const [program, ...first] = await programOf(root, 'usr/bin/promtool');
        await run(program, [...first, 'check', 'rules', '--lint-fatal', join(folder, 'rules.yaml')]);
        await run(program, [...first, 'test', 'rules', join(folder, 'tests.yaml')]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
});
