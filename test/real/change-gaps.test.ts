/**
 * A change that is cut off between any two steps, on the real libvirt: at every note its journal
 * takes Waymark dies, and the next start finishes it or undoes it. Either leaves a machine that
 * starts, with exactly the content it had before or was to have after. The ways alternate: each gap
 * both ways is what the stories of test/unit/engine/snapshot do on a pretend machine.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import type { JobId, MachineId } from '#contract/domain.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { createChangeLog, type Change } from '#engine/interlock/change-log.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { gather } from '#engine/interlock/gather.ts';
import type { EnginePlan } from '#engine/interlock/plan.ts';
import {
  finishChange,
  runChange,
  undoChange,
  type RunParts,
} from '#engine/interlock/run-change.ts';
import { viewUnfinished } from '#engine/interlock/unfinished.ts';
import { planCreate } from '#engine/snapshot/plan-create.ts';
import { planDelete } from '#engine/snapshot/plan-delete.ts';
import { planRevert } from '#engine/snapshot/plan-revert.ts';
import { planRevertUndo } from '#engine/snapshot/plan-undo.ts';
import { realWorld } from '#engine/world/world.ts';
import {
  startPrivateLibvirtd,
  whyNoLibvirtd,
  type PrivateLibvirtd,
  type TestMachine,
} from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: change gaps: ${reason}`);
const mib = 1024 * 1024;
const diskBytes = 16 * mib;

/** Machines at once: most of the time of each is waiting for a QEMU to start or to stop. */
const gapsAtOnce = 3;

/** Odd notes are before a step and even ones after it: either way comes after both. */
const wayOf = (gap: number) => (gap % 4 < 2 ? 'finish' : 'undo');

class DeadError extends Error {}

/** Content of the disk by the pattern at its beginning: enough to tell moments apart. */
type Pattern = number;

const create = (name: string, more: object = {}): MachineAction => ({
  ...{ kind: 'snapshot-create', name, description: '', memory: false, storage: 'auto' },
  ...{ freeze: false, disks: null },
  ...more,
});
const revert = (name: string): MachineAction => ({
  ...{ kind: 'snapshot-revert', name, to: 'as-taken', keep: true },
});

interface Scene {
  readonly title: string;
  /** What is there before the change; ends with the pattern the disk then has. */
  readonly before: (stage: Stage) => Promise<void>;
  readonly action: MachineAction;
  readonly after: Pattern;
}

/** A machine, what it is acted on with, and how its disk is written and read. */
interface Stage {
  readonly machine: TestMachine;
  write(pattern: Pattern): Promise<void>;
  act(action: MachineAction): Promise<void>;
  checkpoint(name: string): Promise<void>;
  stop(): Promise<void>;
}

const scenes: readonly Scene[] = [
  {
    title: 'a snapshot with memory beside a checkpoint',
    before: async (stage) => {
      await stage.write(1);
      await stage.checkpoint('theirs');
    },
    action: create('a', { memory: true }),
    after: 1,
  },
  {
    title: 'an external snapshot of a running machine',
    before: (stage) => stage.write(1),
    action: create('a', { storage: 'external' }),
    after: 1,
  },
  {
    title: 'a snapshot of a stopped machine with a checkpoint',
    before: async (stage) => {
      await stage.write(1);
      await stage.checkpoint('theirs');
      await stage.stop();
    },
    action: create('a'),
    after: 1,
  },
  {
    title: 'a revert with a checkpoint in the way',
    before: async (stage) => {
      await stage.write(1);
      await stage.act(create('a', { memory: true }));
      await stage.checkpoint('theirs');
      await stage.write(2);
    },
    action: revert('a'),
    after: 1,
  },
  {
    title: 'a revert to an external snapshot',
    before: async (stage) => {
      await stage.write(1);
      await stage.act(create('a', { storage: 'external' }));
      await stage.write(2);
    },
    action: revert('a'),
    after: 1,
  },
  {
    title: 'a revert to an external snapshot with memory',
    before: async (stage) => {
      await stage.write(1);
      await stage.act(create('a', { storage: 'external', memory: true }));
      await stage.write(2);
    },
    action: revert('a'),
    after: 1,
  },
  {
    title: 'undoing a revert',
    before: async (stage) => {
      await stage.write(1);
      await stage.act(create('a', { memory: true }));
      await stage.write(2);
      await stage.act(revert('a'));
      await stage.write(3);
    },
    action: { kind: 'revert-undo' },
    after: 2,
  },
  {
    title: 'deleting the oldest of two external snapshots',
    before: async (stage) => {
      await stage.write(1);
      await stage.act(create('a', { storage: 'external' }));
      await stage.write(2);
      await stage.act(create('b', { storage: 'external' }));
      await stage.write(3);
    },
    action: { kind: 'snapshot-delete', names: ['a'], children: false },
    after: 3,
  },
];

describe.skipIf(reason !== null)('a change that is cut off', () => {
  let libvirtd: PrivateLibvirtd;
  let hypervisor: Hypervisor;
  let count = 0;
  const world = realWorld();

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    hypervisor = await openLibvirt(libvirtd.uri, world);
  });
  afterAll(async () => {
    await hypervisor.close();
    await libvirtd.stop();
  });

  test.each(scenes)('$title', { timeout: 600_000 }, async (scene) => {
    for (let first = 1; ; first += gapsAtOnce) {
      const gaps = Array.from({ length: gapsAtOnce }, (_, more) => first + more);
      const outcomes = await Promise.all(gaps.map((gap) => cutAndResolve(scene, gap, wayOf(gap))));
      if (outcomes.includes('not-cut')) break;
    }
  });

  /** Cuts the change off at its `gap`-th note; `not-cut` when it has fewer. */
  async function cutAndResolve(
    scene: Scene,
    gap: number,
    how: 'finish' | 'undo',
  ): Promise<'cut' | 'not-cut'> {
    count += 1;
    const name = `gap-${count}`;
    const folder = mkdtempSync(join(tmpdir(), 'wm-gap-'));
    const catalog = await openCatalog(world, folder);
    try {
      const machine = await libvirtd.defineTestMachine({
        name,
        start: true,
        disks: [{ format: 'qcow2', sizeBytes: diskBytes }],
      });
      const stage = stageOf(machine, catalog, folder);
      await scene.before(stage);
      const before = await contentOf(machine);
      const dying = partsOf(machine, catalog, folder);
      let notes = 0;
      const die = <A extends readonly unknown[]>(note: (...given: A) => void) => {
        return (...given: A) => {
          notes += 1;
          note(...given);
          if (notes === gap) throw new DeadError();
        };
      };
      dying.log.stepBegun = die(dying.log.stepBegun.bind(dying.log));
      dying.log.stepDone = die(dying.log.stepDone.bind(dying.log));
      dying.log.undoBegun = () => {
        throw new DeadError();
      };
      const change = await changeOf(machine, catalog, scene.action);
      const outcome = await runChange(dying, change).then(
        () => 'not-cut' as const,
        (thrown: unknown) => {
          if (!(thrown instanceof DeadError)) throw thrown;
          return 'cut' as const;
        },
      );
      const where = `${scene.title}, note ${gap}, ${how}`;
      const next = partsOf(machine, catalog, folder);
      const [open] = await next.log.cutOff();
      expect(open === undefined, where).toBe(outcome === 'not-cut');
      let want: 'before' | 'after' = 'after';
      if (open !== undefined) {
        const offered = viewUnfinished(open);
        const can = offered[how] !== null ? how : how === 'finish' ? 'undo' : 'finish';
        want = can === 'finish' ? 'after' : 'before';
        const claimed = await next.log.claim(open.id);
        if (can === 'finish') await finishChange(next, claimed);
        else await undoChange(next, claimed);
        expect(await next.log.cutOff(), where).toEqual([]);
      }
      await expectStarts(machine, where);
      const content = await contentOf(machine);
      const expected = Buffer.from(before);
      if (want === 'after') expected.fill(scene.after, 0, mib);
      expect(Buffer.compare(content, expected), `content after ${where}`).toBe(0);
      return outcome;
    } finally {
      catalog.close();
      rmSync(folder, { recursive: true, force: true });
      await removeMachine(name);
    }
  }

  async function removeMachine(name: string): Promise<void> {
    await libvirtd.tryVirsh('destroy', name);
    const flags = ['--snapshots-metadata', '--checkpoints-metadata', '--managed-save'];
    await libvirtd.tryVirsh('undefine', name, ...flags);
  }

  function partsOf(machine: TestMachine, catalog: Catalog, folder: string): RunParts {
    return {
      log: createChangeLog(world, catalog.journals, join(folder, 'changes')),
      context: {
        id: 'job' as JobId,
        signal: new AbortController().signal,
        journals: catalog.journals,
        step: (_title, work) => work({ step: (_inner, deeper) => deeper(nowhere), note: quiet }),
        note: quiet,
        progress: quiet,
        setActivity: quiet,
        setCancelEffect: quiet,
        addProblem: quiet,
      },
      execute: {
        world,
        hypervisor,
        uuid: machine.uuid,
        pictures: { keep: () => Promise.resolve(), drop: () => Promise.resolve() },
        reverts: {
          note: (to, kept) => {
            const time = world.clock.now();
            const job = world.ids.ulid() as JobId;
            catalog.reverts.note(machine.uuid, { job, time, to, kept, lostSince: null });
          },
          forget: (kept) => {
            catalog.reverts.forget(machine.uuid, kept);
          },
          unnote: (to, since) => {
            catalog.reverts.unnote(machine.uuid, to, since);
          },
        },
        problem: (text) => {
          throw new Error(text); // nobody meddles here
        },
        endJob: () => Promise.resolve(),
      },
    };
  }

  async function factsOf(machine: TestMachine, catalog: Catalog): Promise<MachineFacts> {
    const [newest] = catalog.reverts.ofMachine(machine.uuid);
    return gather(world, hypervisor, machine.uuid, {
      id: `host/${machine.uuid}` as MachineId,
      hostName: 'here',
      installation: 'installation',
      repositoryNames: new Map(),
      references: new Set(),
      waymarkJob: null,
      unfinished: null,
      undoable:
        newest?.kept === undefined || newest.kept === null
          ? null
          : { to: newest.to, kept: newest.kept },
      pointCount: 0,
    });
  }

  async function changeOf(
    machine: TestMachine,
    catalog: Catalog,
    action: MachineAction,
  ): Promise<Change> {
    const facts = await factsOf(machine, catalog);
    const plan = planFor(facts, action);
    expect(plan.verdict, JSON.stringify(plan.reasons)).not.toBe('refused');
    const { title, steps, done, undoAction } = plan;
    return {
      machine: { id: facts.id, uuid: facts.uuid, name: facts.name },
      host: 'host',
      ...{ action, title, steps, done, undoAction },
    };
  }

  function stageOf(machine: TestMachine, catalog: Catalog, folder: string): Stage {
    return {
      machine,
      write: (pattern) => libvirtd.guestWrite(machine.uuid, 'virtio-disk0', pattern, 0, mib),
      act: async (action) => {
        const change = await changeOf(machine, catalog, action);
        await runChange(partsOf(machine, catalog, folder), change);
      },
      checkpoint: async (name) => {
        await libvirtd.virsh('checkpoint-create-as', machine.uuid, name);
      },
      stop: async () => {
        await libvirtd.virsh('destroy', machine.uuid);
      },
    };
  }

  /** The whole disk as it is: read from its closed images, through whatever chain it has. */
  async function contentOf(machine: TestMachine): Promise<Buffer> {
    const running = (await hypervisor.state(machine.uuid)).state !== 'off';
    if (running) {
      // What QEMU holds back of the image's own tables is written when the guest flushes.
      const device = '/machine/peripheral/virtio-disk0/virtio-backend';
      const flush = `qemu-io -d ${device} "flush"`;
      await libvirtd.virsh('qemu-monitor-command', machine.uuid, '--hmp', flush);
    }
    const { definition } = await hypervisor.getMachine(machine.uuid);
    const source = definition.disks[0]?.source;
    if (typeof source !== 'string') throw new Error('The machine has no disk.');
    const raw = join(libvirtd.images, `${machine.name}.content`);
    await libvirtd.runAs('qemu-img', ['convert', '-U', '-O', 'raw', source, raw]);
    const bytes = readFileSync(raw);
    rmSync(raw);
    return bytes;
  }

  async function expectStarts(machine: TestMachine, where: string): Promise<void> {
    const { state } = await hypervisor.state(machine.uuid);
    if (state === 'off') await hypervisor.start(machine.uuid);
    const after = await hypervisor.state(machine.uuid);
    expect(['running', 'paused'], where).toContain(after.state);
  }
});

function planFor(facts: MachineFacts, action: MachineAction): EnginePlan {
  switch (action.kind) {
    case 'snapshot-create':
      return planCreate(facts, action);
    case 'snapshot-revert':
      return planRevert(facts, action);
    case 'revert-undo':
      return planRevertUndo(facts, action);
    case 'snapshot-delete':
      return planDelete(facts, action);
    default:
      throw new Error(`No plan of ${action.kind} here.`);
  }
}

const quiet = (): void => undefined;
const nowhere = {
  step: <T>(_title: string, work: (inner: never) => Promise<T>) => work(undefined as never),
  note: quiet,
};
