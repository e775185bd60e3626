/**
 * What an operation works on: a libvirtd of its own, one test machine, and an engine in a process
 * of its own with two repositories. Anything may be killed; `heal` starts what is gone again.
 */
import { mkdirSync, mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostId, MachineId, RepositoryId } from '#contract/domain.ts';
import type { PrivateLibvirtd, TestMachine } from '../real/private-libvirtd.ts';
import { startEngineProcess, type EngineProcess } from './engine-process.ts';
import { killIfThere, liveMachine, type LiveMachine } from './live-machine.ts';
import type { DiskSpec } from './model.ts';

export interface TortureRepository {
  readonly id: RepositoryId;
  readonly name: string;
  readonly path: string;
  readonly password: string | null;
}

export interface TortureWorld {
  readonly libvirtd: PrivateLibvirtd;
  readonly live: LiveMachine;
  readonly engine: EngineProcess;
  readonly machine: MachineId;
  readonly uuid: string;
  readonly repositories: readonly TortureRepository[];
  /** Where the machine's images are. */
  readonly machineFolder: string;
  /** For images that are restored. */
  readonly outFolder: string;
  /** Whose logs are worth a look after a difference, and where they are. */
  readonly logs: readonly { readonly of: string; readonly path: string }[];
  /** How long operations of a kind took lately, in milliseconds. */
  readonly durations: Map<string, number>;
  /** How the closed images were when a snapshot in them was last found right, by alias. */
  readonly seenWell: Map<string, string>;
  /** Kills engine, daemon and the machine's QEMU, one right after the other. */
  cutPower(): Promise<void>;
  /** Starts daemon and engine again if they are gone, and waits until the engine sees both. */
  heal(): Promise<void>;
  /** Ends the engine, removes the machine and everything of this world but the daemon. */
  end(): Promise<void>;
}

export interface WorldSpec {
  readonly disks: readonly DiskSpec[];
  /** Of the second repository. */
  readonly blockSizeBytes: number;
}

const healLimitMs = 60_000;
const pollMs = 25;

export async function makeWorld(libvirtd: PrivateLibvirtd, spec: WorldSpec): Promise<TortureWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'wm-t-'));
  chmodSync(folder, 0o755);
  for (const name of ['run', 'out']) mkdirSync(join(folder, name));
  const machine = await libvirtd.defineTestMachine({
    name: `torture-${folder.slice(-6)}`,
    disks: spec.disks.map(({ target, format, sizeBytes }) => ({ target, format, sizeBytes })),
  });
  const live = liveMachine(libvirtd, machine);
  const engine = await startEngineProcess(folder);
  const host = await engine.call('hosts.add', { name: 'here', uri: libvirtd.uri });
  const id = `${host.id}/${machine.uuid}` as MachineId;
  const repositories = await makeRepositories(engine, folder, spec.blockSizeBytes);
  let daemonAlive = true;
  const world: TortureWorld = {
    libvirtd: {
      ...libvirtd,
      kill: async () => {
        daemonAlive = false;
        await libvirtd.kill();
      },
    },
    live,
    engine,
    machine: id,
    uuid: machine.uuid,
    machineFolder: machine.folder,
    repositories,
    outFolder: join(folder, 'out'),
    logs: [
      { of: 'the engine', path: join(folder, 'engine.log') },
      { of: 'libvirt', path: join(libvirtd.folder, 'libvirtd.log') },
      {
        of: 'QEMU',
        path: join(libvirtd.folder, 'h/libvirt/qemu/log', `${machine.name}.log`),
      },
    ],
    durations: new Map(),
    seenWell: new Map(),
    cutPower: async () => {
      const qemu = await live.qemuPid();
      const killed = [engine.kill(), world.libvirtd.kill()];
      if (qemu !== null) killIfThere(qemu);
      await Promise.all(killed);
    },
    heal: async () => {
      if (!daemonAlive) await libvirtd.restart();
      daemonAlive = true;
      if (!engine.alive()) await engine.start();
      await untilSeen(engine, host.id, id);
    },
    end: async () => {
      await engine.stop();
      await removeMachine(libvirtd, machine);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await world.heal();
  return world;
}

async function makeRepositories(
  engine: EngineProcess,
  folder: string,
  blockSizeBytes: number,
): Promise<readonly TortureRepository[]> {
  const wanted = [
    { name: 'attic', password: null },
    { name: 'vault', password: 'a secret of the test', blockSizeBytes },
  ];
  const made: TortureRepository[] = [];
  for (const { name, password, ...rest } of wanted) {
    const path = join(folder, name);
    const order = { name, path, password, remember: true, ...rest };
    const { repository } = await engine.call('repositories.create', order);
    made.push({ id: repository.id, name, path, password });
  }
  return made;
}

/** The engine answers, is connected to the daemon and lists the machine. */
async function untilSeen(engine: EngineProcess, host: HostId, machine: MachineId): Promise<void> {
  const deadline = performance.now() + healLimitMs;
  for (;;) {
    const hosts = await engine.call('hosts.list', {});
    const state = hosts.find(({ id }) => id === host)?.state;
    if (state?.kind === 'failed') await engine.call('hosts.retry', { host });
    if (state?.kind === 'connected') {
      const machines = await engine.call('machines.list', { host });
      if (machines.some(({ id }) => id === machine)) return;
    }
    if (performance.now() > deadline) throw new Error(`The engine sees ${JSON.stringify(state)}`);
    await sleep(pollMs);
  }
}

async function removeMachine(libvirtd: PrivateLibvirtd, machine: TestMachine): Promise<void> {
  await libvirtd.tryVirsh('destroy', machine.uuid);
  const flags = ['--managed-save', '--snapshots-metadata', '--checkpoints-metadata'];
  await libvirtd.tryVirsh('undefine', machine.uuid, ...flags);
  rmSync(machine.folder, { recursive: true, force: true });
}
