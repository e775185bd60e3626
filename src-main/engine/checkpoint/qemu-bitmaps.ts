/**
 * The bitmaps of a running machine as QEMU itself has them, over libvirt's passage to QEMU's
 * monitor (query-named-block-nodes, qemu.readthedocs.io: QMP reference). libvirt marks the machine
 * as tainted for it, so only a person who asks for the details gets here.
 */
import { AppError } from '#contract/errors.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';

export interface QemuBitmap {
  readonly name: string;
  /** Whole, and every write goes into it. */
  readonly healthy: boolean;
}

/** By path of the image; an image that QEMU has open and that has none is there with none. */
export type QemuBitmaps = ReadonlyMap<string, readonly QemuBitmap[]>;

const question = JSON.stringify({ execute: 'query-named-block-nodes', arguments: { flat: true } });

/** Errors: those of libvirt; `unsupported` for an answer not understood. */
export async function askQemu(
  hypervisor: Pick<Hypervisor, 'monitorCommand'>,
  uuid: string,
): Promise<QemuBitmaps> {
  return readAnswer(await hypervisor.monitorCommand(uuid, question, false));
}

export function readAnswer(text: string): QemuBitmaps {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (thrown) {
    throw new AppError('unsupported', 'QEMU did not answer in JSON.', {}, thrown);
  }
  const nodes = record(answer)['return'];
  if (!Array.isArray(nodes)) throw new AppError('unsupported', 'QEMU told no block nodes.');
  const found = new Map<string, readonly QemuBitmap[]>();
  for (const node of nodes as readonly unknown[]) {
    const { file, 'dirty-bitmaps': bitmaps } = record(node);
    if (typeof file !== 'string') continue;
    // The file below a qcow2 has the same name and no bitmaps.
    const told = Array.isArray(bitmaps) ? (bitmaps as readonly unknown[]).flatMap(readBitmap) : [];
    found.set(file, [...(found.get(file) ?? []), ...told]);
  }
  return found;
}

/** Those that are not kept in the image are of a job that runs, and go with it. */
function readBitmap(value: unknown): readonly QemuBitmap[] {
  const { name, persistent, recording, inconsistent } = record(value);
  if (typeof name !== 'string' || name === '' || persistent !== true) return [];
  return [{ name, healthy: recording === true && inconsistent !== true }];
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
