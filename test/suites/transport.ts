/**
 * What every transport promises, whatever wire is below: in one process, over the owner's socket,
 * over loopback. Each implementation calls this with a way to open itself on a pretend engine.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type Transport } from '#contract/client.ts';
import type { CallName } from '#contract/contract.ts';
import type { Job, MachineId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { createFakeEngine, type FakeEngine } from '../fakes/handlers.ts';

export interface OpenTransport {
  readonly transport: Transport;
  close(): Promise<void>;
}

const eventually = { timeout: 5_000, interval: 10 };

export function transportSuite(
  name: string,
  open: (engine: FakeEngine, report: (thrown: unknown) => void) => Promise<OpenTransport>,
): void {
  describe(`transport: ${name}`, () => {
    let engine: FakeEngine;
    let opened: OpenTransport;
    let reported: unknown[];

    beforeEach(async () => {
      engine = createFakeEngine({ secondsPerJob: 0.3 });
      reported = [];
      opened = await open(engine, (thrown) => reported.push(thrown));
    });
    afterEach(async () => {
      await opened.close();
      await engine.stop();
    });

    it('answers a call with what the handler gave', async () => {
      const client = createClient(opened.transport);
      const machines = await client.call('machines.list', { host: null });
      expect(machines).toEqual(engine.state.machines);
      expect(await client.call('machines.screenshot', { machine: machines[3]!.id })).toBeNull();
    });

    it('carries an error as its code, message and data', async () => {
      const client = createClient(opened.transport);
      const failed = client.call('machines.get', { machine: 'nowhere/none' as MachineId });
      await expect(failed).rejects.toBeInstanceOf(AppError);
      await expect(failed).rejects.toMatchObject({
        code: 'machine-not-found',
        message: 'There is no machine nowhere/none.',
      });
    });

    it('refuses input of another shape, without repeating it', async () => {
      const input = { name: 'attic', path: 'relative', password: 7, remember: true, more: 1 };
      const reply = await opened.transport.invoke('repositories.create', input);
      expect(reply).toMatchObject({ ok: false, error: { code: 'invalid-input' } });
      expect(JSON.stringify(reply)).not.toContain('relative');
    });

    it('refuses a call the contract does not have', async () => {
      for (const unknown of ['machines.explode', '__proto__', 'constructor', 'jobs.changed']) {
        const reply = await opened.transport.invoke(unknown as CallName, {});
        expect(reply).toMatchObject({ ok: false, error: { code: 'invalid-input' } });
      }
    });

    it('turns an unexpected throw into internal with a log id and no stack', async () => {
      // Not in the contract of the fake: its state is broken on purpose.
      Object.defineProperty(engine.state, 'repositories', {
        get: () => {
          throw new TypeError('secret detail');
        },
      });
      const reply = await opened.transport.invoke('repositories.list', {});
      expect(reply).toMatchObject({ ok: false, error: { code: 'internal' } });
      expect(JSON.stringify(reply)).not.toMatch(/secret detail|TypeError|\.ts:/);
      expect(reported).toHaveLength(1);
    });

    it('answers many calls at once, each with its own reply', async () => {
      const client = createClient(opened.transport);
      const machines = engine.state.machines;
      const asked = machines.map((machine) => client.call('machines.get', { machine: machine.id }));
      expect((await Promise.all(asked)).map((one) => one.name)).toEqual(
        machines.map((one) => one.name),
      );
    });

    it('delivers the events of a job in order, to its end', async () => {
      const client = createClient(opened.transport);
      const seen: Job[] = [];
      const stop = client.on('jobs.changed', (job) => seen.push(job));
      const machine = engine.state.machines.find((one) => one.name === 'gitea')!.id;
      const repository = engine.state.repositories[0]!.id;
      const id = await client.call('backup.start', {
        machine,
        repository,
        exclude: [],
        reread: false,
        accepted: [],
      });
      await expect.poll(() => seen.at(-1)?.state.kind, eventually).toBe('done');
      expect(seen.every((job) => job.id === id)).toBe(true);
      const done = seen.flatMap((job) => (job.progress === null ? [] : [job.progress.doneBytes]));
      expect(done).toEqual([...done].sort((a, b) => a - b));
      stop();
    });

    it('sends nothing more once a subscription has ended', async () => {
      let first = 0;
      let second = 0;
      const stop = opened.transport.subscribe(() => (first += 1));
      opened.transport.subscribe(() => (second += 1));
      engine.emit('state.reset', null);
      await expect.poll(() => [first, second], eventually).toEqual([1, 1]);
      stop();
      stop(); // twice is fine
      engine.emit('state.reset', null);
      await expect.poll(() => second, eventually).toBe(2);
      expect(first).toBe(1);
    });
  });
}
