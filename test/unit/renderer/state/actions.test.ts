import { describe, expect, test } from 'vitest';
import { createClient, type Transport } from '#contract/client.ts';
import type { MachineId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Unfinished, UnfinishedId } from '#contract/moments.ts';
import { Actions } from '../../../../src-renderer/state/actions.svelte.ts';

const web = 'here/1' as MachineId;
const mail = 'here/2' as MachineId;

function cutOff(id: string, machine: MachineId): Unfinished {
  return {
    id: id as UnfinishedId,
    machine: { id: machine, name: machine },
    action: { kind: 'revert-undo' },
    title: 'Undo the revert',
    startedAt: 0,
    steps: [],
    finish: 'Goes on.',
    undo: null,
    leave: null,
    why: '',
  };
}

function engine(answers: Readonly<Record<string, unknown>>) {
  const asked: unknown[] = [];
  let send: Parameters<Transport['subscribe']>[0] = () => undefined;
  const client = createClient({
    invoke: (name, input) => {
      asked.push([name, input]);
      const value = answers[name];
      if (value instanceof AppError) {
        return Promise.resolve({ ok: false, error: value.toJSON() } as const);
      }
      return Promise.resolve({ ok: true, value } as const);
    },
    subscribe: (listener) => {
      const before = send;
      send = (name, payload) => {
        before(name, payload);
        listener(name, payload);
      };
      return () => undefined;
    },
  });
  return { client, asked, send: (list: readonly Unfinished[]) => send('unfinished.changed', list) };
}

describe('what is asked', () => {
  test('one dialog at a time, and none when closed', () => {
    const actions = new Actions(engine({}).client);
    expect(actions.asked).toBeNull();
    actions.create(web);
    expect(actions.asked).toEqual({ kind: 'create', machine: web });
    actions.doctor(web);
    expect(actions.asked).toEqual({ kind: 'doctor', machine: web });
    actions.ask(web, { kind: 'revert-undo' });
    expect(actions.asked).toEqual({
      kind: 'preflight',
      machine: web,
      action: { kind: 'revert-undo' },
    });
    actions.close();
    expect(actions.asked).toBeNull();
  });
});

describe('changes that were cut off', () => {
  test('are read, told apart by machine, and replaced by the event', async () => {
    const { client, send } = engine({ 'unfinished.list': [cutOff('a', web), cutOff('b', mail)] });
    const actions = new Actions(client);
    await actions.load();
    expect(actions.unfinishedOf(mail).map(({ id }) => id)).toEqual(['b']);
    send([cutOff('a', web)]);
    expect(actions.unfinishedOf(mail)).toEqual([]);
    expect(actions.unfinished).toHaveLength(1);
  });

  test('a list that cannot be read is a problem, and an event puts it right', async () => {
    const failed = new AppError('internal', 'No.');
    const { client, send } = engine({ 'unfinished.list': failed });
    const actions = new Actions(client);
    await actions.load();
    expect(actions.problem?.code).toBe('internal');
    send([]);
    expect(actions.problem).toBeNull();
  });

  test('the job that resolves one is known until the change is gone', async () => {
    const { client, asked, send } = engine({ 'unfinished.resolve': 'job-7' });
    const actions = new Actions(client);
    send([cutOff('a', web)]);
    expect(await actions.resolve('a' as UnfinishedId, 'finish')).toBe('job-7');
    expect(asked).toEqual([['unfinished.resolve', { id: 'a', how: 'finish' }]]);
    expect(actions.resolvingJob('a' as UnfinishedId)).toBe('job-7');
    send([cutOff('a', web)]);
    expect(actions.resolvingJob('a' as UnfinishedId)).toBe('job-7');
    send([]);
    send([cutOff('a', web)]);
    expect(actions.resolvingJob('a' as UnfinishedId)).toBeNull();
  });

  test('a refusal to resolve is thrown, and no job is remembered', async () => {
    const { client } = engine({ 'unfinished.resolve': new AppError('refused', 'No.') });
    const actions = new Actions(client);
    await expect(actions.resolve('a' as UnfinishedId, 'undo')).rejects.toMatchObject({
      code: 'refused',
    });
    expect(actions.resolvingJob('a' as UnfinishedId)).toBeNull();
  });
});
