import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { finishChange, leaveChange, runChange, undoChange } from '#engine/interlock/run-change.ts';
import type { StepAction } from '#engine/interlock/steps.ts';
import { viewUnfinished } from '#engine/interlock/unfinished.ts';
import { change, changeRun, step, type ChangeRun } from '../../../fakes/change.ts';
import { fakeHypervisor, type FakeHypervisor } from '../../../fakes/hypervisor.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const machineXml = `<domain type='qemu'><name>web</name><uuid>${uuid}</uuid>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>
  <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
  <source file='/i/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;

let world: FakeWorld;
let catalog: Catalog;
let libvirt: FakeHypervisor;
let folder: string;

beforeEach(async () => {
  world = fakeWorld();
  folder = temporaryFolder();
  catalog = await openCatalog(world, folder);
  libvirt = fakeHypervisor({ now: () => world.clock.now() });
  await libvirt.define(machineXml);
});
afterEach(() => {
  catalog.close();
});

const plans = () => join(folder, 'changes');
const run = (): ChangeRun => changeRun(world, catalog, libvirt, plans(), uuid);
const state = async () => (await libvirt.state(uuid)).state;
const failure = new AppError('libvirt-error', 'It said no.', { code: 1 });

/** Starts the machine, then pauses it; each can be taken back. */
const twoSteps = [
  step('Start', [{ do: 'start', paused: false }], [{ do: 'stop' }]),
  step('Pause', [{ do: 'pause' }], [{ do: 'resume' }]),
];
const refusing: StepAction = { do: 'revert-snapshot', name: 'nowhere', flags: 0 };

describe('a change', () => {
  test('does its steps in order and leaves neither a journal nor a plan', async () => {
    const { parts, log } = run();
    await runChange(parts, change(uuid, twoSteps));
    expect(await state()).toBe('paused');
    expect(await log.cutOff()).toEqual([]);
    expect(catalog.journals.openJournals()).toEqual([]);
    expect(readdirSync(plans())).toEqual([]);
  });

  test('that fails is taken back at once, and the error says so', async () => {
    const { parts, log } = run();
    const failing = [...twoSteps, step('Go back', [refusing], [])];
    await expect(runChange(parts, change(uuid, failing))).rejects.toMatchObject({
      code: 'libvirt-error',
      data: { takenBack: true },
    });
    expect(await state()).toBe('off');
    expect(await log.cutOff()).toEqual([]);
  });

  test('that fails where a step cannot be taken back waits for a person', async () => {
    const { parts, log } = run();
    const steps = [twoSteps[0]!, step('Go back', [refusing], null)];
    await expect(runChange(parts, change(uuid, steps))).rejects.toMatchObject({
      data: { unfinished: true },
    });
    expect(await state()).toBe('running'); // nothing was taken back
    const [open] = (await log.cutOff()).map((open) => viewUnfinished(open));
    expect(open).toMatchObject({
      title: 'Revert web to before',
      steps: [{ state: 'done' }, { state: 'cut-off' }],
      undo: null,
      why: 'A step that was begun cannot be undone, so it can only be finished.',
    });
    expect(open?.finish).toContain('Go back');
    expect(log.titleOf(uuid)).toBe('Revert web to before');
    expect(open?.leave).toContain('stays as it is now');
    await leaveChange(parts, await log.claim(open!.id));
    expect(await state()).toBe('running');
    expect(log.titleOf(uuid)).toBeNull();
  });

  test('whose taking back fails waits for a person, who can only undo it', async () => {
    const { parts, log } = run();
    const steps = [
      step('Start', [{ do: 'start', paused: false }], [{ do: 'stop' }]),
      step('Go back', [refusing], []),
    ];
    libvirt.failNext('destroy', failure);
    await expect(runChange(parts, change(uuid, steps))).rejects.toMatchObject({
      data: { unfinished: true },
    });
    const [open] = await log.cutOff();
    expect(viewUnfinished(open!)).toMatchObject({ finish: null });
    await undoChange(parts, await log.claim(open!.id));
    expect(await state()).toBe('off');
    expect(await log.cutOff()).toEqual([]);
  });

  test('is taken back from where an earlier try came to, and nothing of it twice', async () => {
    const { parts, log } = run();
    const bringBack = step(
      'Keep',
      [{ do: 'stop' }],
      [{ do: 'start', paused: false }, { do: 'drop-managed-save' }],
    );
    libvirt.failNext('removeManagedSave', failure);
    const failing = [
      bringBack,
      step('Switch on', [], [{ do: 'stop' }]),
      step('Go', [refusing], []),
    ];
    await expect(runChange(parts, change(uuid, failing))).rejects.toMatchObject({
      data: { unfinished: true },
    });
    expect(await state()).toBe('running'); // brought back; somebody works with it from here on
    const destroy = vi.spyOn(libvirt, 'destroy');
    const start = vi.spyOn(libvirt, 'start');
    const [open] = await log.cutOff();
    await undoChange(parts, await log.claim(open!.id));
    expect(destroy).not.toHaveBeenCalled();
    expect(start).not.toHaveBeenCalled();
    expect(await log.cutOff()).toEqual([]);
  });

  test('that finds a file where it was to make one does not take that away', async () => {
    const { parts } = run();
    const makes = [join(folder, 'of-another-machine.memory')];
    writeFileSync(makes[0]!, 'its memory');
    const take: StepAction = {
      ...{ do: 'create-snapshot', name: 'a', xml: '', flags: 0, makes, freeze: false },
    };
    const steps = [step('Take', [take], [{ do: 'remove-file', path: makes[0]! }])];
    await expect(runChange(parts, change(uuid, steps))).rejects.toMatchObject({
      code: 'path-exists',
      data: { takenBack: true },
    });
    expect(readFileSync(makes[0]!, 'utf8')).toBe('its memory');
  });

  test('switches a machine off only while nobody let it run', async () => {
    const { parts } = run();
    const off: StepAction = { do: 'stop', onlyPaused: true };
    await libvirt.start(uuid);
    await runChange(parts, change(uuid, [step('Off', [off], [])]));
    expect(await state()).toBe('running');
    await libvirt.suspend(uuid);
    await runChange(parts, change(uuid, [step('Off', [off], [])]));
    expect(await state()).toBe('off');
  });

  test('is not taken back while libvirt is away: it waits', async () => {
    const { parts, log } = run();
    const steps = [...twoSteps, step('Go back', [refusing], [])];
    libvirt.failNext('revertSnapshot', failure);
    const original = libvirt.revertSnapshot.bind(libvirt);
    libvirt.revertSnapshot = (...given) => {
      libvirt.lose();
      return original(...given);
    };
    await expect(runChange(parts, change(uuid, steps))).rejects.toMatchObject({
      data: { unfinished: true },
    });
    libvirt.restore();
    expect(await state()).toBe('paused');
    expect(await log.cutOff()).toHaveLength(1);
  });

  test('that is cancelled between two steps is taken back', async () => {
    const { parts, log, cancel } = run();
    const steps = [
      twoSteps[0]!,
      step('Note', [{ do: 'keep-picture', snapshot: 'a' }], []),
      twoSteps[1]!,
    ];
    const keep = parts.execute.pictures.keep.bind(parts.execute.pictures);
    parts.execute.pictures.keep = (snapshot) => {
      cancel();
      return keep(snapshot);
    };
    await expect(runChange(parts, change(uuid, steps))).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(await state()).toBe('off');
    expect(await log.cutOff()).toEqual([]);
  });
});

test('a snapshot with memory is not taken of a machine that went off meanwhile', async () => {
  const { parts } = run();
  const xml = `<domainsnapshot><name>a</name><memory snapshot='internal'/></domainsnapshot>`;
  const create = { do: 'create-snapshot', name: 'a', xml, flags: 0, makes: [] } as const;
  const take = step('Take', [{ ...create, freeze: false }], []);
  await expect(runChange(parts, change(uuid, [take]))).rejects.toMatchObject({
    code: 'machine-stopped',
    data: { takenBack: true },
  });
  expect(await libvirt.listSnapshots(uuid)).toEqual([]);
});

describe('a snapshot of the name that a cut-off change was to give', () => {
  const xml = (description: string) =>
    `<domainsnapshot><name>a</name><description>${description}</description></domainsnapshot>`;
  const take: StepAction = {
    ...{ do: 'create-snapshot', name: 'a', xml: xml('Ours'), flags: 0, makes: [], freeze: false },
  };
  const drop: StepAction = { do: 'delete-snapshot', name: 'a', flags: 0, madeFrom: xml('Ours') };
  const names = async () => (await libvirt.listSnapshots(uuid)).map(({ name }) => name);

  /** Cut off in the step that takes it, before or after libvirt did. */
  async function cutOffTaking(taken: boolean) {
    const { parts, log, notes } = run();
    const id = await log.begin(change(uuid, [step('Take', [take], [drop])]));
    log.stepBegun(id, 0);
    if (taken) await libvirt.createSnapshot(uuid, xml('Ours'), 0);
    log.release(id);
    return { parts, notes, open: await log.claim(id) };
  }

  test('is deleted by undoing when the change made it', async () => {
    const { parts, open } = await cutOffTaking(true);
    await world.clock.advance(86_400_000); // a person decides the next day
    await undoChange(parts, open);
    expect(await names()).toEqual([]);
  });

  test.each([
    ['looks otherwise', 'Theirs', 0],
    ['is of another day', 'Ours', 86_400_000],
  ])('stays when another program made it: it %s', async (_how, description, later) => {
    const { parts, notes, open } = await cutOffTaking(false);
    await world.clock.advance(later);
    await libvirt.createSnapshot(uuid, xml(description), 0);
    await undoChange(parts, open);
    expect(await names()).toEqual(['a']);
    expect(notes).toEqual([expect.stringContaining('so it stays')]);
  });

  test('is not taken for its own by finishing', async () => {
    const { parts, open } = await cutOffTaking(false);
    await libvirt.createSnapshot(uuid, xml('Theirs'), 0);
    await expect(finishChange(parts, open)).rejects.toMatchObject({ code: 'name-taken' });
  });
});

test('a bitmap of a closed image is not removed once somebody started the machine', async () => {
  const image = join(folder, 'a.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image, '1M']);
  execFileSync('qemu-img', ['bitmap', '--add', image, 'b']);
  const { parts } = run();
  const remove = step('Remove', [{ do: 'remove-bitmap', image, bitmap: 'b' }], null);
  await libvirt.start(uuid);
  await expect(runChange(parts, change(uuid, [remove]))).rejects.toMatchObject({
    code: 'machine-busy',
    data: { unfinished: true },
  });
  await libvirt.destroy(uuid);
  const [open] = await parts.log.cutOff();
  await finishChange(parts, await parts.log.claim(open!.id));
  expect(execFileSync('qemu-img', ['info', image]).toString()).not.toContain('name: b');
});

test('plans that no journal knows are swept away, and those of one stay', async () => {
  const { log } = run();
  await log.sweep(); // there is no folder yet
  const id = await log.begin(change(uuid, twoSteps));
  writeFileSync(join(plans(), 'LEFT.json'), '{"secret": true}');
  await log.sweep();
  expect(readdirSync(plans())).toHaveLength(1);
  log.release(id);
  expect(await log.cutOff()).toHaveLength(1);
});

test('finishing says what it loses, while going back is still to be done', async () => {
  const { log } = run();
  const rest = step('Note', [{ do: 'note-revert', to: 'a', kept: null }], null);
  const id = await log.begin(change(uuid, [step('Go back', [refusing], null), rest]));
  const finish = async () => (await log.cutOff()).map((open) => viewUnfinished(open).finish);
  log.stepBegun(id, 0);
  log.release(id);
  expect(await finish()).toEqual([expect.stringContaining('since it was cut off is lost')]);
  log.stepDone(id, 0);
  expect(await finish()).toEqual(['Does the rest: Note.']);
});

describe('a change that was cut off', () => {
  /** The process dies at the n-th note in the journal: nothing after it is done or taken back. */
  async function cutOff(atNote: number): Promise<ChangeRun> {
    const dying = run();
    let notes = 0;
    const die = <A extends readonly unknown[]>(note: (...given: A) => void) => {
      return (...given: A) => {
        notes += 1;
        note(...given);
        if (notes === atNote) throw new DeadError();
      };
    };
    dying.log.stepBegun = die(dying.log.stepBegun.bind(dying.log));
    dying.log.stepDone = die(dying.log.stepDone.bind(dying.log));
    dying.log.undoBegun = () => {
      throw new DeadError();
    };
    await runChange(dying.parts, change(uuid, twoSteps)).catch((thrown: unknown) => {
      if (!(thrown instanceof DeadError)) throw thrown;
    });
    return run(); // the next start of Waymark
  }

  test.each([1, 2, 3])('at note %i is finished', async (note) => {
    const { parts, log } = await cutOff(note);
    const [open] = await log.cutOff();
    await finishChange(parts, await log.claim(open!.id));
    expect(await state()).toBe('paused');
    expect(await log.cutOff()).toEqual([]);
  });

  test.each([1, 2, 3, 4])('at note %i is undone', async (note) => {
    const { parts, log } = await cutOff(note);
    const [open] = await log.cutOff();
    await undoChange(parts, await log.claim(open!.id));
    expect(await state()).toBe('off');
    expect(await log.cutOff()).toEqual([]);
  });

  test('says which step it was in', async () => {
    const { log } = await cutOff(3);
    const [open] = (await log.cutOff()).map((open) => viewUnfinished(open));
    expect(open?.steps).toEqual([
      { title: 'Start', state: 'done' },
      { title: 'Pause', state: 'cut-off' },
    ]);
  });

  test('is finished or undone by one at a time', async () => {
    const { log } = await cutOff(1);
    const [open] = await log.cutOff();
    await log.claim(open!.id);
    expect(log.titleOf(uuid)).toBeNull(); // it runs
    await expect(log.claim(open!.id)).rejects.toMatchObject({ code: 'machine-busy' });
    log.release(open!.id);
    expect(await log.claim(open!.id)).toMatchObject({ id: open!.id });
  });

  test('stays unfinished when finishing fails', async () => {
    const { parts, log } = await cutOff(3);
    const [open] = await log.cutOff();
    libvirt.failNext('suspend', failure);
    await expect(finishChange(parts, await log.claim(open!.id))).rejects.toThrow('It said no.');
    log.release(open!.id);
    expect(await log.cutOff()).toHaveLength(1);
    expect(await state()).toBe('running');
  });

  test('on a host that was forgotten is dropped', async () => {
    const { log } = await cutOff(1);
    await log.forgetHosts(() => false);
    expect(await log.cutOff()).toEqual([]);
    expect(readdirSync(plans())).toEqual([]);
  });
});

class DeadError extends Error {}
