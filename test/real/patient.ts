/** A machine of two disks for the doctor, with what is done to it and what is asked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { MachineId, Point, Repository } from '#contract/domain.ts';
import type { DoctorReport, FindingKind } from '#contract/moments.ts';
import { diskModel, type DiskModel } from './disk-model.ts';
import type { PrivateLibvirtd, TestMachine } from './private-libvirtd.ts';
import type { TestEngine } from './test-engine.ts';

const mib = 1024 * 1024;
const patientDiskBytes = 16 * mib;

export interface Patient {
  readonly machine: TestMachine;
  readonly id: MachineId;
  readonly vda: DiskModel;
  readonly vdb: DiskModel;
  examine(details?: boolean): Promise<DoctorReport>;
  kinds(details?: boolean): Promise<readonly FindingKind[]>;
  /** Lets the doctor repair all it finds. */
  repair(details?: boolean): Promise<void>;
  backup(repository: Repository): Promise<Point>;
  /** Restores both disks and compares every byte with what was written until now. */
  expectExact(point: Point): Promise<void>;
  /** Names of the checkpoints libvirt lists. */
  checkpoints(): Promise<readonly string[]>;
  /** Bitmaps in the image as it lies on the disk; exact while the machine is off. */
  bitmaps(target: 'vda' | 'vdb'): Promise<readonly string[]>;
  /** libvirt's own words when somebody talked past it to QEMU. */
  tainted(): Promise<boolean>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** kill -9 of its QEMU; returns when libvirt noticed. */
  kill(): Promise<void>;
}

export async function admit(
  libvirtd: PrivateLibvirtd,
  engine: TestEngine,
  name: string,
): Promise<Patient> {
  const sizeBytes = patientDiskBytes;
  const machine = await libvirtd.defineTestMachine({
    name,
    start: true,
    disks: [
      { format: 'qcow2', sizeBytes },
      { format: 'qcow2', sizeBytes },
    ],
  });
  const id = await engine.addHost(libvirtd.uri, machine.uuid);
  const vda = diskModel(libvirtd, machine, 'vda', sizeBytes);
  const vdb = diskModel(libvirtd, machine, 'vdb', sizeBytes);
  const { handlers } = engine.engine;
  const examine = (details = false) => handlers['doctor.examine']({ machine: id, details });
  const state = async () => (await libvirtd.virsh('domstate', machine.uuid)).trim();
  /** The engine must have heard of it too. */
  const until = async (wanted: string) => {
    await expect.poll(state, { timeout: 20_000 }).toBe(wanted);
    const seen = async () => (await handlers['machines.get']({ machine: id })).state;
    const expected = wanted === 'running' ? 'running' : 'off';
    await expect.poll(seen, { timeout: 20_000 }).toBe(expected);
  };
  return {
    machine,
    id,
    vda,
    vdb,
    examine,
    kinds: async (details) => (await examine(details)).findings.map(({ kind }) => kind),
    repair: async (details) => {
      const { findings } = await examine(details);
      const [first, ...rest] = findings.map((finding) => finding.id);
      if (first === undefined) throw new Error('There is nothing to repair.');
      await engine.act(id, { kind: 'repair', findings: [first, ...rest], details: false });
    },
    backup: (repository) => engine.backup(id, repository.id),
    expectExact: async (point) => {
      await vda.expectRestored(engine, point.id, vda.moment());
      await vdb.expectRestored(engine, point.id, vdb.moment());
    },
    checkpoints: async () =>
      (await libvirtd.virsh('checkpoint-list', '--name', machine.uuid)).split('\n').filter(Boolean),
    bitmaps: (target) => bitmapsIn(libvirtd, machine, target),
    tainted: async () => (await libvirtd.virsh('dominfo', machine.uuid)).includes('tainted'),
    stop: async () => {
      await libvirtd.virsh('destroy', machine.uuid);
      await until('shut off');
    },
    start: async () => {
      await libvirtd.virsh('start', machine.uuid);
      await until('running');
    },
    kill: async () => {
      const pids = join(libvirtd.folder, 'r', 'libvirt', 'qemu', 'run', `${name}.pid`);
      process.kill(Number(readFileSync(pids, 'utf8').trim()), 'SIGKILL');
      await until('shut off');
      await sleep(50); // the kernel lets go of the images' locks
    },
  };
}

async function bitmapsIn(
  libvirtd: PrivateLibvirtd,
  machine: TestMachine,
  target: string,
): Promise<readonly string[]> {
  const path = machine.disks.find((disk) => disk.target === target)?.path ?? '';
  const json = await libvirtd.runAs('qemu-img', ['info', '-U', '--output=json', path]);
  const info = JSON.parse(json) as {
    'format-specific': { data: { bitmaps?: readonly { name: string }[] } };
  };
  return (info['format-specific'].data.bitmaps ?? []).map(({ name }) => name);
}

/** The engine's own id, as it writes it into checkpoints. */
export function installationOf({ folder }: TestEngine): string {
  return readFileSync(join(folder, 'data', 'installation-id'), 'utf8').trim();
}
