/**
 * A disk with its expected content kept apart: every write goes to both, every restore is
 * compared.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { PointId } from '#contract/domain.ts';
import type { PrivateLibvirtd, TestMachine } from './private-libvirtd.ts';
import type { TestEngine } from './test-engine.ts';

export interface DiskModel {
  readonly target: string;
  /** Through the running machine's own device, as a guest writes. */
  write(pattern: number, offset: number, length: number): Promise<void>;
  /** Bytes that nothing shrinks or finds twice, so that a backup of them takes its time. */
  writeRandom(offset: number, length: number): Promise<void>;
  /** Into the closed image. */
  writeClosed(pattern: number, offset: number, length: number): Promise<void>;
  /** Now the disk is larger; what was added is zero. */
  grow(sizeBytes: number): void;
  /** The content as it is expected now. */
  moment(): Buffer;
  /** Restores the disk from a point and compares every byte. */
  expectRestored(engine: TestEngine, point: PointId, content: Buffer): Promise<void>;
}

export function diskModel(
  libvirtd: PrivateLibvirtd,
  machine: TestMachine,
  target: string,
  sizeBytes: number,
): DiskModel {
  const disk = machine.disks.find((candidate) => candidate.target === target);
  if (typeof disk?.path !== 'string') throw new Error(`No disk ${target}`);
  const { path, format, alias } = disk;
  let content = Buffer.alloc(sizeBytes);
  return {
    target,
    write: async (pattern, offset, length) => {
      await libvirtd.guestWrite(machine.uuid, alias, pattern, offset, length);
      content.fill(pattern, offset, offset + length);
    },
    writeRandom: async (offset, length) => {
      const file = join(libvirtd.images, 'random');
      const bytes = randomBytes(length);
      writeFileSync(file, bytes, { mode: 0o644 });
      const device = `/machine/peripheral/${alias}/virtio-backend`;
      const command = `qemu-io -d ${device} "write -s ${file} ${offset} ${length}"`;
      const answer = await libvirtd.virsh('qemu-monitor-command', machine.uuid, '--hmp', command);
      if (answer.trim() !== '') throw new Error(answer);
      bytes.copy(content, offset);
    },
    writeClosed: async (pattern, offset, length) => {
      const command = `write -P ${pattern} ${offset} ${length}`;
      await libvirtd.runAs('qemu-io', ['-f', format, '-c', command, path]);
      content.fill(pattern, offset, offset + length);
    },
    grow: (larger) => {
      content = Buffer.concat([content, Buffer.alloc(larger - content.length)]);
    },
    moment: () => Buffer.from(content),
    expectRestored: async (engine, point, expected) => {
      const restored = await engine.restoreImage(point, target, 'raw');
      expect(restored.length).toBe(expected.length);
      expect(Buffer.compare(restored, expected), `content of ${target} in ${point}`).toBe(0);
    },
  };
}
