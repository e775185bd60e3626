/**
 * What a plan meets of the world, on the practice machine: a program before and after, a backup
 * before a revert, one after a shutdown, and what a person hears of it.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Job, MachineId, Repository } from '#contract/domain.ts';
import type { News } from '#contract/news.ts';
import type { PlanDraft, PlanId, PlanRun } from '#contract/plans.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { realWorld } from '#engine/world/world.ts';
import { planDraft } from '../fakes/plans.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const limitMs = 60_000;
const poll = { timeout: limitMs, interval: 50 };

describe('a plan on the practice machine', () => {
  let it: TestEngine;
  let machine: MachineId;
  let attic: Repository;
  let folder: string;
  const news: News[] = [];

  beforeAll(async () => {
    folder = mkdtempSync('/tmp/wm-pw-');
    it = await startTestEngine({ runsPlans: true });
    it.engine.onEvent((name, payload) => {
      if (name === 'news') news.push(payload as News);
    });
    const { handlers } = it.engine;
    await it.finished(await handlers['practice.create']({ repository: true }));
    const [one] = await handlers['machines.list']({ host: null });
    const [repository] = await handlers['repositories.list']({});
    if (one === undefined || repository === undefined) throw new Error('no practice machine');
    machine = one.id;
    attic = repository;
  }, limitMs);
  afterAll(async () => {
    await it.engine.handlers['practice.remove']({});
    await it.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  let plan: PlanId | null = null;
  afterEach(async () => {
    if (plan !== null) await it.engine.handlers['plans.remove']({ plan });
    plan = null;
    news.length = 0;
  });

  async function create(more: Partial<PlanDraft>): Promise<PlanId> {
    const draft = planDraft(machine, attic.id, { calendar: null, ...more });
    const made = await it.engine.handlers['plans.create']({ draft });
    plan = made.id;
    return made.id;
  }

  async function runs(of: PlanId): Promise<readonly PlanRun[]> {
    const filter = { plan: of, machineUuid: null, before: null, limit: 50 };
    return it.engine.handlers['plans.runs'](filter);
  }

  async function ended(of: PlanId): Promise<PlanRun> {
    const open = async () => {
      const all = await runs(of);
      return all.length === 0 ? ['none yet'] : all.map(({ state }) => state.kind);
    };
    await expect.poll(open, poll).toEqual([expect.stringMatching(/^(done|problems|failed)$/)]);
    return (await runs(of))[0]!;
  }

  function script(name: string, lines: readonly string[]): string {
    const path = join(folder, name);
    writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
    chmodSync(path, 0o700);
    return path;
  }

  const triggers = { changedBytes: null, shutdown: false, beforeRevert: false };

  test('runs its programs, with what they print in its log', async () => {
    const told = join(folder, 'told');
    const before = script('before', ['echo "freezing $WAYMARK_MACHINE"']);
    const after = script('after', [`echo "$WAYMARK_OUTCOME $WAYMARK_POINT" > ${told}`]);
    const hook = (path: string) => ({ argv: [path], timeoutSeconds: 30, stopOnFailure: true });
    const of = await create({
      hooks: { before: hook(before), after: hook(after) },
      notify: { success: true, overdueAfterSeconds: 3600 },
    });
    await it.engine.handlers['plans.run']({ plan: of, machine: null });
    const run = await ended(of);
    expect(run.state).toMatchObject({ kind: 'done' });
    const machineName = run.machine.name;
    expect(run.log.join('\n')).toContain(`freezing ${machineName}`);
    expect(readFileSync(told, 'utf8')).toBe(`done ${run.point ?? ''}\n`);
    expect(news).toMatchObject([{ kind: 'done', title: `${machineName} was backed up` }]);
  });

  test('one that fails before stops it, and the program for news is told', async () => {
    const heard = join(folder, 'heard');
    const argv = [script('hear', [`cat > ${heard}`])];
    const channels = await it.engine.handlers['channels.get']({});
    await it.engine.handlers['channels.set']({ channels: { ...channels, command: { argv } } });
    const refusing = [script('refuse', ['echo "the database is busy"', 'exit 7'])];
    const before = { argv: refusing, timeoutSeconds: 30, stopOnFailure: true };
    const of = await create({ hooks: { before, after: null } });
    await it.engine.handlers['plans.run']({ plan: of, machine: null });
    const run = await ended(of);
    expect(run).toMatchObject({ state: { kind: 'failed', error: { code: 'hook-failed' } } });
    expect(run.log.join('\n')).toContain('the database is busy');
    await expect.poll(() => existsSync(heard), poll).toBe(true);
    await expect
      .poll(() => readFileSync(heard, 'utf8'), poll)
      .toContain(`"title":"${run.machine.name} was not backed up"`);
    expect(news).toMatchObject([{ kind: 'failed' }]);
  });

  test('backs up before it goes back, and goes back then', async () => {
    const { handlers } = it.engine;
    await it.act(machine, {
      ...{ kind: 'snapshot-create', name: 'clean', description: '', memory: true },
      ...{ storage: 'internal', freeze: false, disks: null },
    });
    const of = await create({
      triggers: { ...triggers, beforeRevert: true, shortestIntervalSeconds: 0 },
    });
    const action = { kind: 'snapshot-revert', name: 'clean', to: 'as-taken', keep: false } as const;
    const shown = await handlers['actions.plan']({ machine, action });
    expect(shown.checks).toContainEqual(expect.objectContaining({ id: 'backup-first' }));
    const states: string[] = [];
    const stop = it.engine.onEvent((name, payload) => {
      if (name !== 'jobs.changed') return;
      const { kind, state } = payload as Job;
      const words = state.kind === 'queued' ? `queued: ${state.waitsFor}` : state.kind;
      if (states.at(-1) !== `${kind} ${words}`) states.push(`${kind} ${words}`);
    });
    const done = await it.act(machine, action);
    stop();
    expect(done.state.kind).toBe('done');
    const [run] = await runs(of);
    expect(run).toMatchObject({ cause: 'before-revert', state: { kind: 'done' } });
    expect(states[0]).toBe('revert queued: Waits for the backup before it');
    expect(states.indexOf('backup done')).toBeLessThan(states.indexOf('revert running'));
  });

  test('does not go back when that backup fails, and says how to go back without it', async () => {
    const { handlers } = it.engine;
    const argv = [script('never', ['exit 1'])];
    const of = await create({
      triggers: { ...triggers, beforeRevert: true, shortestIntervalSeconds: 0 },
      hooks: { before: { argv, timeoutSeconds: 30, stopOnFailure: true }, after: null },
    });
    const action = { kind: 'snapshot-revert', name: 'clean', to: 'as-taken', keep: false } as const;
    await expect(it.act(machine, action)).rejects.toMatchObject({
      code: 'refused',
      data: { advice: 'To go back without a backup, pause the plan Nightly first.' },
    });
    await handlers['plans.pause']({ plan: of, until: null });
    expect((await it.act(machine, action)).state.kind).toBe('done');
  });

  test('backs up what was shut down, and not what was pulled', async () => {
    const { handlers } = it.engine;
    const of = await create({
      triggers: { ...triggers, shutdown: true, shortestIntervalSeconds: 0 },
    });
    const off = async () => (await handlers['machines.get']({ machine })).state;
    await handlers['practice.stop']({});
    await expect.poll(off, poll).toBe('off');
    expect(await runs(of)).toEqual([]);
    await handlers['practice.start']({});
    await expect.poll(off, poll).toBe('running');
    // Whoever looks at the machine in that moment may keep the monitor from it.
    const ending = () => endItself().then(off);
    await expect.poll(ending, poll).toBe('off');
    const run = await ended(of);
    expect(run).toMatchObject({ cause: 'shutdown', state: { kind: 'done' } });
  });

  /** As a system does that was told to end: the practice machine has none. */
  async function endItself(): Promise<void> {
    const [host] = await it.engine.handlers['hosts.list']({});
    const hypervisor = await openLibvirt(host?.uri ?? '', realWorld());
    const uuid = machine.split('/').at(-1) ?? '';
    await hypervisor.monitorCommand(uuid, '{"execute":"quit"}', false).catch(() => undefined);
    await hypervisor.close();
  }

  test('the report tells of all this', async () => {
    const { html, name } = await it.engine.handlers['report.make']({});
    expect(name).toMatch(/^waymark-report-\d{4}-\d\d-\d\d\.html$/);
    expect(html).toContain('practice');
    expect(html).toContain(attic.name);
  });
});
