import { expect, test } from 'vitest';
import type { Protection } from '#contract/domain.ts';
import type { Plan } from '#contract/plans.ts';
import { inOrder, planMark } from '../../../../../src-renderer/views/plans/plan-state.ts';

function plan(protections: readonly Protection[], change: Partial<Plan> = {}): Plan {
  const members = protections.map((protection) => ({ protection }));
  const rest = { name: 'Nightly', troubles: [], pause: { kind: 'no' }, members };
  return { ...rest, ...change } as unknown as Plan;
}

const rows: readonly (readonly [string, Plan, string, string])[] = [
  ['all fine', plan(['protected', 'protected']), 'good', 'All 2 protected'],
  ['one of many fails', plan(['protected', 'failing', 'overdue']), 'bad', '1 of 3 failing'],
  ['one is overdue', plan(['overdue', 'never', 'protected']), 'warn', '1 of 3 overdue'],
  ['one has no point', plan(['never', 'protected']), 'none', '1 of 2 without a point'],
  ['paused', plan(['failing'], { pause: { kind: 'paused', until: null } }), 'none', 'Paused'],
  ['cannot run', plan(['protected'], { troubles: ['Its disk is gone.'] }), 'bad', 'Cannot run'],
  ['means nothing', plan([]), 'none', 'No machine'],
];
test.each(rows)('%s', (_, of, tone, text) => {
  expect(planMark(of)).toMatchObject({ tone, text });
});

test('what needs a look comes first, then by name', () => {
  const plans = [
    plan(['protected'], { name: 'B' }),
    plan(['protected'], { name: 'A' }),
    plan(['failing'], { name: 'Z' }),
    plan(['overdue'], { name: 'Y' }),
  ];
  expect(inOrder(plans).map(({ name }) => name)).toEqual(['Z', 'Y', 'A', 'B']);
});
