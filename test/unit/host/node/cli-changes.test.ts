import { describe, expect, it } from 'vitest';
import type { UnfinishedId } from '#contract/moments.ts';
import { anUnfinished, scriptedEngine } from '../../../fakes/scripted-actions.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

const { machine } = scriptedEngine();
const change = anUnfinished(machine);
const other = anUnfinished(machine, { id: '01CUTOFF2' as UnfinishedId, title: 'Delete clean' });

describe('change list', () => {
  it('says how far each came and the two ways out', async () => {
    const { engine } = scriptedEngine({ unfinished: [change] });
    const { out, code } = await waymark(['change', 'list'], { engine });
    expect(code).toBe(0);
    for (const line of [
      'Revert gitea to clean: cut off',
      '  Id: 01CUTOFF1',
      '  1. Keep where it is: done',
      '  2. Go back: CUT OFF',
      '  Waymark was stopped.',
      '  Finishing it: Goes back to clean.',
      '  Undoing it: Goes back to where it was.',
      '  Finish "Revert gitea to clean": waymark change finish 01CUTOFF1',
      '  Undo "Revert gitea to clean": waymark change undo 01CUTOFF1',
    ]) {
      expect(out.split('\n')).toContain(line);
    }
    const document = await waymark(['change', 'list', '--json'], { engine });
    expect(JSON.parse(document.out)).toEqual({ changes: [change] });
  });

  it('is the usual answer when nothing was cut off', async () => {
    expect((await waymark(['change', 'list'])).out).toBe('No change was cut off.\n');
    expect((await waymark(['--help'])).out).toContain('change finish <id>');
  });
});

describe.each(['finish', 'undo'] as const)('change %s', (how) => {
  it('does it and says what came of it', async () => {
    const { engine, resolved } = scriptedEngine({ unfinished: [change, other] });
    const run = await waymark(['change', how, '01cutoff2', '--json'], { engine });
    expect(run.code).toBe(0);
    expect(resolved).toEqual([{ id: '01CUTOFF2', how }]);
    const { action } = other;
    const result = { action, summary: 'gitea is changed.', undo: null, seconds: 1.5 };
    expect(JSON.parse(run.out)).toEqual(result);
  });

  it('does nothing for an id that is none, or of more than one', async () => {
    const { engine, resolved } = scriptedEngine({ unfinished: [change, other] });
    const none = await waymark(['change', how, 'nope'], { engine });
    expect(none.code).toBe(1);
    expect(none.err).toContain('See waymark change list.');
    const many = await waymark(['change', how, '01CUTOFF'], { engine });
    expect(many.code).toBe(2);
    expect(many.err).toContain('01CUTOFF2: Delete clean');
    expect(resolved).toEqual([]);
  });

  it('ends with 3 and the other way out when this one is not open', async () => {
    const unfinished = [anUnfinished(machine, { [how]: null, why: 'The image is gone.' })];
    const { engine, resolved } = scriptedEngine({ unfinished });
    const run = await waymark(['change', how, '01'], { engine });
    expect(run.code).toBe(3);
    expect(run.err).toContain('  - The image is gone.');
    expect(run.err).toContain(`waymark change ${how === 'undo' ? 'finish' : 'undo'} 01CUTOFF1`);
    expect(resolved).toEqual([]);
  });

  it('ends as its job does', async () => {
    const state = { kind: 'problems', at: 0, problems: ['A file is left.'] } as const;
    const { engine } = scriptedEngine({ unfinished: [change], state });
    const run = await waymark(['change', how, change.id], { engine });
    expect(run.code).toBe(4);
    expect(run.err).toContain('A file is left.');
  });
});

describe('change leave', () => {
  it('closes one that has no other way, and refuses one that has', async () => {
    const left = anUnfinished(machine, { undo: null, leave: 'Closes the record.' });
    const { engine, resolved } = scriptedEngine({ unfinished: [left] });
    expect((await waymark(['change', 'list'], { engine })).out).toContain('Leaving it: Closes');
    expect((await waymark(['change', 'leave', left.id], { engine })).code).toBe(0);
    expect(resolved).toEqual([{ id: left.id, how: 'leave' }]);
    const open = scriptedEngine({ unfinished: [change] });
    const run = await waymark(['change', 'leave', change.id], { engine: open.engine });
    expect(run.code).toBe(3);
    expect(open.resolved).toEqual([]);
  });
});
