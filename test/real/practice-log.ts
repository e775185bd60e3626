/** Reads and makes the log of a practice machine's raw disk, by resources/practice/README.md. */

const sectorBytes = 512;
export const headerOffset = 16 * sectorBytes;
export const logOffset = 2048 * sectorBytes;
export const logBytes = 32_768 * sectorBytes;
export const recordBytes = 32;
export const maxRecords = logBytes / recordBytes;
const headerMagic = 'WAYMARK-PRACTICE';
const recordMagic = Buffer.from('WMR1').readUInt32LE();

export interface PracticeLog {
  readonly generation: number; // 0: never started
  /** Sequence number of the newest record; 0 when there is none. */
  readonly newest: number;
  /** Generation of the newest record. */
  readonly newestGeneration: number;
  /** The sequence number missing where the newest run ends, or null when the log is unbroken. */
  readonly brokenAt: number | null;
}

/** FNV-1a over the 32-bit words of `bytes`. */
export function checksum(bytes: Buffer): number {
  let hash = 2_166_136_261;
  for (let at = 0; at < bytes.length; at += 4) {
    hash = Math.imul(hash ^ bytes.readUInt32LE(at), 16_777_619);
  }
  return hash >>> 0;
}

/** Throws when the header is neither empty nor whole. */
function readGeneration(disk: Buffer): number {
  const header = disk.subarray(headerOffset, headerOffset + sectorBytes);
  if (header.every((byte) => byte === 0)) return 0;
  const whole =
    header.toString('latin1', 0, 16) === headerMagic &&
    header.readUInt32LE(16) === 1 &&
    checksum(header.subarray(0, 508)) === header.readUInt32LE(508);
  if (!whole) throw new Error('The header of the practice disk is broken');
  return header.readUInt32LE(20);
}

interface Run {
  /** Slots from the start of the run that hold consecutive records. */
  readonly count: number;
  readonly lastSequence: number;
  readonly lastGeneration: number;
}

function readRun(log: Buffer, first: number, expected: number, newestGeneration: number): Run {
  let count = 0;
  let generation = 0;
  let previous: number | null = null;
  for (let slot = first; slot < maxRecords; slot += 1, count += 1) {
    const record = log.subarray(slot * recordBytes, (slot + 1) * recordBytes);
    const itsGeneration = record.readUInt32LE(8);
    const good =
      record.readUInt32LE(0) === recordMagic &&
      record.readUInt32LE(28) === checksum(record.subarray(0, 28)) &&
      record.readUInt32LE(4) === expected + count &&
      (previous === null || record.readUInt32LE(16) === previous) &&
      itsGeneration >= generation &&
      itsGeneration <= newestGeneration;
    if (!good) break;
    generation = itsGeneration;
    previous = record.readUInt32LE(28);
  }
  return { count, lastSequence: expected + count - 1, lastGeneration: generation };
}

/** `disk` is the raw disk, at least as far as its log reaches. */
export function readPracticeLog(disk: Buffer): PracticeLog {
  const generation = readGeneration(disk);
  const log = disk.subarray(logOffset, logOffset + logBytes);
  if (log.length < logBytes) throw new Error('The practice disk is too short');
  const first = log.readUInt32LE(4);
  const lapBase = first > 0 && (first - 1) % maxRecords === 0 ? first - 1 : 0;
  const head = readRun(log, 0, lapBase + 1, generation);
  const rest =
    lapBase === 0
      ? log.subarray(head.count * recordBytes).every((byte) => byte === 0)
      : readRun(log, head.count, lapBase - maxRecords + head.count + 1, generation).count ===
        maxRecords - head.count;
  return {
    generation,
    newest: head.lastSequence,
    newestGeneration: head.lastGeneration,
    brokenAt: rest ? null : head.lastSequence + 1,
  };
}

/** A disk as the machine would leave it after `newest` counts in one generation. */
export function makePracticeDisk(boot: Buffer, newest: number, generation = 1): Buffer {
  const disk = Buffer.alloc(logOffset + logBytes);
  boot.copy(disk);
  const header = disk.subarray(headerOffset, headerOffset + sectorBytes);
  header.write(headerMagic, 'latin1');
  for (const [at, value] of [
    [16, 1],
    [20, generation],
    [24, logOffset / sectorBytes],
    [28, logBytes / sectorBytes],
  ] as const) {
    header.writeUInt32LE(value, at);
  }
  header.writeUInt32LE(checksum(header.subarray(0, 508)), 508);
  let previous = 0;
  for (let sequence = Math.max(1, newest - maxRecords + 1); sequence <= newest; sequence += 1) {
    const at = logOffset + ((sequence - 1) % maxRecords) * recordBytes;
    const record = disk.subarray(at, at + recordBytes);
    record.writeUInt32LE(recordMagic, 0);
    record.writeUInt32LE(sequence, 4);
    record.writeUInt32LE(generation, 8);
    record.writeUInt32LE(sequence, 12);
    record.writeUInt32LE(previous, 16);
    previous = checksum(record.subarray(0, 28));
    record.writeUInt32LE(previous, 28);
  }
  return disk;
}
