import { describe, expect, it } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import { actionLine } from '../../../../src-main/host/node/action-line.ts';
import { scriptedEngine } from '../../../fakes/scripted-actions.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

const create = {
  kind: 'snapshot-create',
  name: 'clean',
  description: '',
  memory: false,
  storage: 'auto',
  freeze: false,
  disks: null,
} as const;

/** Every action that has a command of its own, with names that a shell or an option eats. */
const actions: readonly MachineAction[] = [
  create,
  { ...create, memory: true, storage: 'internal', freeze: true, description: "it's $(mine) & <b>" },
  { ...create, name: '--memory', storage: 'external', disks: ['vda', 'vdb'] },
  { ...create, name: 'two words', description: '-dash' },
  { kind: 'snapshot-revert', name: 'a"b\\c`d', to: 'as-taken', keep: true },
  { kind: 'snapshot-revert', name: '-x', to: 'paused', keep: false },
  { kind: 'revert-undo' },
  { kind: 'snapshot-delete', names: ['clean', "o'clock", '*'], children: true },
  { kind: 'snapshot-delete', names: ['größer'], children: false },
  { kind: 'checkpoint-create' },
  { kind: 'checkpoint-delete', names: ['waymark-1', '-2'] },
];

/** Splits a line as a POSIX shell does, for the one kind of quotes that is written. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/(?:'[^']*'|\\'|[^\s'])+/g)].map(([word]) =>
    word.replace(/'([^']*)'|\\(')/g, (_all, inside?: string, quote?: string) => inside ?? quote!),
  );
}

describe('the command for an action', () => {
  it.each(actions.map((action) => [actionLine('gitea', action), action] as const))(
    'does just that when it is typed: %s',
    async (line, action) => {
      const [program, ...args] = words(line);
      expect(program).toBe('waymark');
      const { engine, planned } = scriptedEngine();
      const run = await waymark(args, { engine });
      expect(run).toMatchObject({ code: 0, err: '' });
      expect(planned).toEqual([action]);
    },
  );

  it('names the machine by the word the person wrote', () => {
    expect(actionLine('rack/two words', { kind: 'revert-undo' })).toBe(
      "waymark snapshot undo 'rack/two words'",
    );
  });

  it('repairs everything, for single findings have no command', () => {
    expect(actionLine('gitea', { kind: 'repair', findings: ['a'], details: false })).toBe(
      'waymark checkpoint doctor gitea --repair',
    );
  });
});
